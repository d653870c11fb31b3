//! How windows that are kept key by key are written down and taken back.

use super::cell::{Cells, Triggered};
use super::cells::{CellWindows, own_queue};
use super::function::WindowLogic;
use super::{TimeWindow, cell};
use crate::channel::hash::stable_hash;
use crate::data::{Data, Key};
use crate::operator::TaskInfo;
use crate::state::{OperatorCapture, OperatorSnapshot, StateError, decode, encode};

const SECTION: &str = "windows";

/// A window as it is read: extent, contents, firings, whether it is to fire, whether a trigger's part follows.
type Entry<A> = (TimeWindow, Option<A>, u32, bool, bool);

impl<K: Key, L: WindowLogic<K>> CellWindows<K, L> {
    pub(super) fn write(&mut self, info: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(info, to)?;
        let groups = info.key_groups();
        let (keys, rows) = (self.keys.freeze(), self.rows.freeze());
        to.defer(move |to| {
            to.extend_keyed(SECTION, keys.encode(&rows, groups, write_windows)?);
            Ok(())
        });
        Ok(())
    }

    pub(super) fn read(&mut self, info: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.horizon.restore(info, from)?;
        let groups = info.key_groups();
        from.read_keyed(SECTION, groups, |group, bytes| {
            let (key, count): (K, usize) = decode(bytes, "a key with windows")?;
            let hash = stable_hash(&key);
            groups.check(group, hash)?;
            let row = self.keys.find_or_insert(hash, &key);
            self.grow_rows();
            for _ in 0..count {
                let (window, acc, firings, pending, has_trigger): Entry<L::Acc> =
                    decode(bytes, "what a window holds").map_err(|error| error.within_tuple(1))?;
                let triggered = if has_trigger { self.read_trigger(bytes)? } else { None };
                let mut cell = cell::Cell { acc, firings, pending, triggered, ..cell::Cell::new(window) };
                cell.arm(self.settings.ending, row, own_queue(&mut self.queues, self.settings.ending));
                if let Some(triggered) = &cell.triggered {
                    triggered.timers.event.iter().for_each(|at| self.queues.event.push(*at, row));
                    triggered.timers.processing.iter().for_each(|at| self.queues.processing.push(*at, row));
                }
                self.rows.get_mut(row).push(cell);
            }
            Ok(())
        })
    }

    /// Reads what a trigger keeps; drops it if windows have no trigger any more.
    fn read_trigger(&self, bytes: &mut &[u8]) -> Result<Option<Box<Triggered>>, StateError> {
        let (event, processing): (Vec<i64>, Vec<i64>) = decode(bytes, "a trigger's timers")?;
        let Some(trigger) = &self.settings.trigger else {
            decode::<serde::de::IgnoredAny>(bytes, "the state of a trigger that is gone")?;
            return Ok(None);
        };
        let mut triggered = Triggered::new(trigger.read(bytes)?);
        triggered.timers.event = event.into();
        triggered.timers.processing = processing.into();
        Ok(Some(triggered))
    }
}

/// Writes a key with its windows, if it has any.
fn write_windows<K: Key, A: Data>(key: &K, cells: &Cells<A>, to: &mut Vec<u8>) -> Result<(), StateError> {
    if cells.is_empty() {
        return Ok(());
    }
    encode(&(key, cells.len()), to)?;
    for cell in cells {
        let has_trigger = cell.triggered.is_some();
        encode(&(cell.window, &cell.acc, cell.firings, cell.pending, has_trigger), to)?;
        if let Some(triggered) = &cell.triggered {
            encode(&(&triggered.timers.event[..], &triggered.timers.processing[..]), to)?;
            triggered.state.write(to)?;
        }
    }
    Ok(())
}
