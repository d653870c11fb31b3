//! How panes are written down and taken back.
//!
//! An entry is what one pane holds of one key, or how often one window has fired for one key. A window that an output
//! interrupts while it fires is written as having fired for the keys that are done; the watermark that made it fire
//! comes again after a restore.

use std::sync::Arc;

use super::aligned::AlignedWindows;
use super::function::WindowLogic;
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::operator::TaskInfo;
use crate::state::{KeyedEntries, OperatorCapture, OperatorSnapshot, RowId, StateError, decode, encode};

const PANES: &str = "panes";
const FIRINGS: &str = "firings";

impl<K: Key, L: WindowLogic<K>> AlignedWindows<K, L> {
    pub(super) fn write(&mut self, info: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(info, to)?;
        let groups = info.key_groups();
        let (keys, panes) = (self.keys.freeze(), self.panes.freeze());
        let firings = self.firings.clone();
        let firing = self.cursor.as_ref().map(|cursor| (cursor.end, Arc::clone(&cursor.rows), cursor.next));
        to.defer(move |to| {
            let mut entries = KeyedEntries::new(groups);
            for (start, pane) in &panes {
                pane.try_for_each(|row, acc| encode(&(keys.key(row), start, acc), entries.of_hash(keys.hash(row))))?;
            }
            to.extend_keyed(PANES, entries);
            let mut entries = KeyedEntries::new(groups);
            let mut write_firing = |row: RowId, end: i64, count: u32| {
                encode(&(keys.key(row), end, count), entries.of_hash(keys.hash(row)))
            };
            for ((end, row), count) in &firings {
                write_firing(*row, *end, *count)?;
            }
            if let Some((end, rows, next)) = firing {
                let done = rows[..next].iter().filter(|row| !firings.contains_key(&(end, **row)));
                done.into_iter().try_for_each(|row| write_firing(*row, end, 1))?;
            }
            to.extend_keyed(FIRINGS, entries);
            Ok(())
        });
        Ok(())
    }

    pub(super) fn read(&mut self, info: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        let groups = info.key_groups();
        self.horizon.restore(info, from)?;
        from.read_keyed(PANES, groups, |group, bytes| {
            let (key, start, acc): (K, i64, L::Acc) =
                decode(bytes, "what a window holds").map_err(|error| error.within_tuple(2))?;
            let hash = stable_hash(&key);
            groups.check(group, hash)?;
            let row = self.keys.find_or_insert(hash, &key);
            self.panes.grow_rows(self.keys.row_count());
            let pane = self.panes.find_or_insert(start);
            self.panes.insert(pane, row, acc);
            Ok(())
        })?;
        from.read_keyed(FIRINGS, groups, |_, bytes| {
            let (key, end, count): (K, i64, u32) = decode(bytes, "a window's count of firings")?;
            // A key that is in no pane any more has no window that could fire again.
            if let Some(row) = self.keys.find(stable_hash(&key), &key) {
                self.firings.insert((end, row), count);
            }
            Ok(())
        })
    }
}
