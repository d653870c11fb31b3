//! How panes are written down and taken back.
//!
//! An entry is what one pane holds of one key, or how often one window has fired for one key. A window that an output
//! interrupts while it fires is written as having fired for the keys that are done; the watermark that made it fire
//! comes again after a restore.

use super::aligned::AlignedWindows;
use super::function::WindowLogic;
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::operator::TaskInfo;
use crate::state::{OperatorCapture, OperatorSnapshot, RowId, StateError, decode, encode};

const PANES: &str = "panes";
const FIRINGS: &str = "firings";

impl<K: Key, L: WindowLogic<K>> AlignedWindows<K, L> {
    pub(super) fn write(&self, info: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(info, to)?;
        let groups = info.key_groups();
        let mut rows = Vec::new();
        for (start, pane) in self.panes.iter() {
            rows.clear();
            pane.list_rows(&mut rows);
            rows.sort_unstable();
            for row in &rows {
                if let Some(acc) = pane.get(*row) {
                    let bytes = to.keyed(PANES, groups.group_of(self.keys.hash(*row)));
                    encode(&(self.keys.key(*row), start, acc), bytes)?;
                }
            }
        }
        let mut write_firing = |row: RowId, end: i64, count: u32| {
            let bytes = to.keyed(FIRINGS, groups.group_of(self.keys.hash(row)));
            encode(&(self.keys.key(row), end, count), bytes)
        };
        for (end, rows) in &self.firings {
            rows.iter().try_for_each(|(row, count)| write_firing(*row, *end, *count))?;
        }
        if let Some(cursor) = &self.cursor {
            let known = self.firings.get(&cursor.end);
            let done = cursor.rows.iter().take(cursor.next);
            let unknown = done.filter(|row| !known.is_some_and(|rows| rows.contains_key(row)));
            unknown.into_iter().try_for_each(|row| write_firing(*row, cursor.end, 1))?;
        }
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
                self.firings.entry(end).or_default().insert(row, count);
            }
            Ok(())
        })
    }
}
