//! What is to be looked at when time goes on: rows by instant.
//!
//! An entry says only that something of the row *may* be due; whoever takes it out looks at the row. So an entry need
//! not be removed or moved when its reason is gone or postponed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::state::RowId;

/// Rows by instant, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct DueQueue {
    heap: BinaryHeap<Reverse<(i64, RowId)>>,
}

impl DueQueue {
    pub(crate) fn push(&mut self, at: i64, row: RowId) {
        self.heap.push(Reverse((at, row)));
    }

    /// The earliest instant.
    pub(crate) fn next(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the earliest entry if `now` has reached it.
    pub(crate) fn pop_due(&mut self, now: i64) -> Option<(i64, RowId)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

/// The queues of one operator.
#[derive(Debug, Default)]
pub(crate) struct DueQueues {
    pub(crate) event: DueQueue,
    pub(crate) processing: DueQueue,
}
