//! Which keys are to be looked at when time goes on.
//!
//! An entry says that a key may have something to do at an instant; whether it has, its row knows. So an entry whose reason
//! is gone may stay. Where all rows are in memory, entries name rows, and are made anew from them when state is restored; in
//! front of a store they name keys, and are in snapshots.

use std::collections::BTreeSet;

use super::timers::TimerQueue;
use super::{OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::data::Key;
use crate::operator::TaskInfo;
use crate::time::Timestamp;

/// Keys by instant; a key has at most one entry for an instant, however often it is put there.
pub(crate) struct DueKeys<K> {
    /// What entries that name keys are called in snapshots.
    section: &'static str,
    queue: Queue<K>,
}

enum Queue<K> {
    Rows(BTreeSet<(i64, RowId)>),
    Keys(TimerQueue<K>),
}

/// A key whose time has come.
pub(crate) enum Due<K> {
    Row(RowId),
    Key(u64, K),
}

impl<K: Key> DueKeys<K> {
    /// No key is due. Entries name rows.
    pub(crate) fn new(section: &'static str) -> Self {
        Self { section, queue: Queue::Rows(BTreeSet::new()) }
    }

    /// Has entries name keys, since rows are in a store, or rows. Forgets all entries if that changes.
    pub(crate) fn name_keys(&mut self, by_key: bool) {
        match (by_key, &self.queue) {
            (true, Queue::Rows(_)) => self.queue = Queue::Keys(TimerQueue::default()),
            (false, Queue::Keys(_)) => self.queue = Queue::Rows(BTreeSet::new()),
            _ => {}
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, at: i64, row: RowId, (hash, key): (u64, &K)) {
        match &mut self.queue {
            Queue::Rows(rows) => {
                rows.insert((at, row));
            }
            Queue::Keys(keys) => keys.set(Timestamp::from_millis(at), hash, key),
        }
    }

    /// The earliest instant.
    pub(crate) fn next(&self) -> Option<i64> {
        match &self.queue {
            Queue::Rows(rows) => rows.first().map(|(at, _)| *at),
            Queue::Keys(keys) => keys.next().map(Timestamp::as_millis),
        }
    }

    /// Takes out the earliest entry if `now` has reached it.
    pub(crate) fn pop_due(&mut self, now: i64) -> Option<(i64, Due<K>)> {
        match &mut self.queue {
            Queue::Rows(rows) => {
                rows.first().filter(|(at, _)| *at <= now)?;
                rows.pop_first().map(|(at, row)| (at, Due::Row(row)))
            }
            Queue::Keys(keys) => {
                let (at, hash, key) = keys.pop_due(Timestamp::from_millis(now))?;
                Some((at.as_millis(), Due::Key(hash, key)))
            }
        }
    }

    /// Writes down entries that name keys.
    pub(crate) fn snapshot(&self, info: &TaskInfo, to: &mut OperatorCapture) {
        if let Queue::Keys(keys) = &self.queue {
            keys.snapshot(self.section, info.key_groups(), to);
        }
    }

    /// Takes back entries that name keys.
    pub(crate) fn restore(&mut self, info: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        match &mut self.queue {
            Queue::Rows(_) => Ok(()),
            Queue::Keys(keys) => keys.restore(self.section, info.key_groups(), from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_put_at_an_instant_again_and_again_is_due_once() {
        for by_key in [false, true] {
            let mut due = DueKeys::new("due");
            due.name_keys(by_key);
            for at in [9, 5, 9, 9, 7, 9] {
                due.push(at, 3, (0, &"key".to_owned()));
            }
            let instants: Vec<i64> = std::iter::from_fn(|| due.pop_due(9)).map(|(at, _)| at).collect();
            assert_eq!(instants, [5, 7, 9]);
        }
    }
}
