//! How rows are written.

use super::super::table::Table;
use super::rows::{Batch, Op};

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is inserted at once.
    Insert,
    /// It is inserted at once, or replaces the row with the same key.
    Upsert {
        /// The columns of the key.
        keys: Vec<String>,
    },
    /// It is inserted when its checkpoint is complete.
    ExactlyOnce,
}

impl Mode {
    /// What does to a batch what is to be done.
    pub(super) fn statement(&self, table: &Table, batch: &Batch) -> String {
        match (batch.op, self) {
            (Op::Delete, _) => table.delete(&batch.columns),
            (Op::Write, Self::Insert | Self::ExactlyOnce) => table.insert(&batch.columns),
            (Op::Write, Self::Upsert { keys }) => table.upsert(&batch.columns, keys),
        }
    }

    /// The columns that each row must have.
    pub(super) fn keys(&self) -> &[String] {
        match self {
            Self::Upsert { keys } => keys,
            Self::Insert | Self::ExactlyOnce => &[],
        }
    }
}
