//! The rows of a range of key groups, in order.

use rocksdb::{DB, DBRawIterator, ReadOptions};

use super::key::{bounds, split_key};
use crate::state::{KeyGroup, KeyGroups, OperatorCapture, StateError};

/// How much is read ahead, since rows are read one after the other.
const READ_AHEAD: usize = 2 << 20;

/// Rows as they were when this was made, whatever is written later.
pub(crate) struct Rows<'db> {
    rows: DBRawIterator<'db>,
    db: &'db DB,
}

impl<'db> Rows<'db> {
    pub(super) fn of(db: &'db DB, groups: KeyGroups) -> Self {
        let (first, end) = bounds(groups);
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(first);
        options.set_iterate_upper_bound(end);
        options.set_readahead_size(READ_AHEAD);
        options.fill_cache(false);
        let mut rows = db.raw_iterator_opt(options);
        rows.seek_to_first();
        Self { rows, db }
    }

    /// Writes them to a section of a snapshot, as the heap would: in the form of savepoints.
    pub(crate) fn capture(self, section: &str, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.for_each(|group, key, row| {
            let bytes = to.keyed(section, group);
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(row);
            Ok(())
        })
    }

    /// The keys above `after`, or all if that is empty, at most `limit` of them; as they stand in the database.
    pub(crate) fn keys_after(mut self, after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StateError> {
        if !after.is_empty() {
            self.rows.seek(after);
        }
        let mut keys = Vec::new();
        while keys.len() < limit
            && let Some(key) = self.rows.key()
        {
            if key != after {
                keys.push(key.to_vec());
            }
            self.rows.next();
        }
        self.finish()?;
        Ok(keys)
    }

    fn finish(self) -> Result<(), StateError> {
        self.rows.status().map_err(|error| StateError::store(self.db.path(), "cannot be read", error))
    }

    /// Hands key group, key (MessagePack) and row to `read`.
    pub(crate) fn for_each(
        mut self,
        mut read: impl FnMut(KeyGroup, &[u8], &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        while let Some((key, row)) = self.rows.item() {
            let (group, key) = split_key(key).ok_or_else(|| {
                StateError::decode("a key of a database", &format_args!("it has {} bytes only", key.len()))
            })?;
            read(group, key, row)?;
            self.rows.next();
        }
        self.finish()
    }
}
