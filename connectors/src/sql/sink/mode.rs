//! How rows are written.

use super::super::table::Table;

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
    /// What writes rows with these columns.
    pub(super) fn statement(&self, table: &Table, columns: &[String]) -> String {
        match self {
            Self::Insert | Self::ExactlyOnce => table.insert(columns),
            Self::Upsert { keys } => table.upsert(columns, keys),
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
