//! What is to be looked at when time goes on: rows by instant.
//!
//! An entry says only that something of the row *may* be due; whoever takes it out looks at the row. So an entry need
//! not be removed or moved when its reason is gone or postponed.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::state::RowId;

/// Rows by instant, in milliseconds. Many rows may share an instant.
#[derive(Debug, Default)]
pub(crate) struct DueQueue {
    rows: BTreeMap<i64, SmallVec<[RowId; 4]>>,
}

impl DueQueue {
    #[inline]
    pub(crate) fn push(&mut self, at: i64, row: RowId) {
        self.rows.entry(at).or_default().push(row);
    }

    /// The earliest instant.
    pub(crate) fn next(&self) -> Option<i64> {
        self.rows.first_key_value().map(|(at, _)| *at)
    }

    /// Takes out an entry of the earliest instant if `now` has reached it.
    pub(crate) fn pop_due(&mut self, now: i64) -> Option<(i64, RowId)> {
        loop {
            let mut first = self.rows.first_entry().filter(|first| *first.key() <= now)?;
            let at = *first.key();
            match first.get_mut().pop() {
                Some(row) => return Some((at, row)),
                None => first.remove(),
            };
        }
    }
}

/// The queues of one operator.
#[derive(Debug, Default)]
pub(crate) struct DueQueues {
    pub(crate) event: DueQueue,
    pub(crate) processing: DueQueue,
}
