//! Which keys are to be looked at when time goes on.
//!
//! A key has an entry at the instant that its row says it is armed for; an entry at another instant is an old one and means
//! nothing. Where all rows are in memory, entries name rows, and are made anew from them when state is restored; in
//! front of a store they name keys, and are in snapshots.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::data::Key;
use crate::operator::TaskInfo;
use crate::state::timers::TimerQueue;
use crate::state::{OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::time::Timestamp;

/// The section of keys with the instants that they are armed for.
pub(super) const SECTION: &str = "pattern-timers";

/// Keys by instant.
pub(super) enum DueKeys<K> {
    Rows(BinaryHeap<Reverse<(i64, RowId)>>),
    Keys(TimerQueue<K>),
}

/// A key whose time has come.
pub(super) enum Due<K> {
    Row(RowId),
    Key(u64, K),
}

impl<K: Key> DueKeys<K> {
    pub(super) fn new(by_key: bool) -> Self {
        if by_key { Self::Keys(TimerQueue::default()) } else { Self::Rows(BinaryHeap::new()) }
    }

    #[inline]
    pub(super) fn push(&mut self, at: i64, row: RowId, (hash, key): (u64, &K)) {
        match self {
            Self::Rows(rows) => rows.push(Reverse((at, row))),
            Self::Keys(keys) => keys.set(Timestamp::from_millis(at), hash, key),
        }
    }

    /// The earliest instant.
    pub(super) fn next(&self) -> Option<i64> {
        match self {
            Self::Rows(rows) => rows.peek().map(|Reverse((at, _))| *at),
            Self::Keys(keys) => keys.next().map(Timestamp::as_millis),
        }
    }

    /// Takes out the earliest entry if `now` has reached it.
    pub(super) fn pop_due(&mut self, now: i64) -> Option<(i64, Due<K>)> {
        match self {
            Self::Rows(rows) => {
                rows.peek().filter(|Reverse((at, _))| *at <= now)?;
                rows.pop().map(|Reverse((at, row))| (at, Due::Row(row)))
            }
            Self::Keys(keys) => {
                let (at, hash, key) = keys.pop_due(Timestamp::from_millis(now))?;
                Some((at.as_millis(), Due::Key(hash, key)))
            }
        }
    }

    /// Writes down entries that name keys.
    pub(super) fn snapshot(&self, info: &TaskInfo, to: &mut OperatorCapture) {
        if let Self::Keys(keys) = self {
            keys.snapshot(SECTION, info.key_groups(), to);
        }
    }

    /// Takes back entries that name keys.
    pub(super) fn restore(&mut self, info: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        match self {
            Self::Rows(_) => Ok(()),
            Self::Keys(keys) => keys.restore(SECTION, info.key_groups(), from),
        }
    }
}
