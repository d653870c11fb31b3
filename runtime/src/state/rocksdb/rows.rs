//! The rows of a range of key groups, in order.

use std::collections::BTreeMap;

use rocksdb::{DB, DBRawIterator, ReadOptions};
use serde_bytes::ByteBuf;

use super::key::{bounds, split_key};
use crate::state::store::RewriteRow;
use crate::state::{KeyGroup, KeyGroups, OperatorCapture, StateError};

/// How much is read ahead, since rows are read one after the other.
const READ_AHEAD: usize = 2 << 20;

/// So many stretches of key groups are looked at for a sample.
const SAMPLED_STRETCHES: usize = 64;
/// So many rows of each of them, and so many bytes.
const SAMPLED_ROWS: usize = 16;
const SAMPLED_BYTES: usize = 2 << 10;

/// Rows as they were when this was made, whatever is written later.
pub(crate) struct Rows<'db> {
    rows: DBRawIterator<'db>,
    db: &'db DB,
}

impl<'db> Rows<'db> {
    pub(super) fn of(db: &'db DB, groups: KeyGroups) -> Self {
        let mut options = within(groups);
        options.set_readahead_size(READ_AHEAD);
        let mut rows = db.raw_iterator_opt(options);
        rows.seek_to_first();
        Self { rows, db }
    }

    /// Rows of which few are read, here and there.
    pub(super) fn to_be_sampled(db: &'db DB, groups: KeyGroups) -> Self {
        Self { rows: db.raw_iterator_opt(within(groups)), db }
    }

    /// The first rows of stretches of key groups, with their keys, as they stand in snapshots. Large ones are passed over.
    pub(super) fn sample(mut self, groups: KeyGroups) -> Result<BTreeMap<KeyGroup, ByteBuf>, StateError> {
        let mut sample: BTreeMap<KeyGroup, ByteBuf> = BTreeMap::new();
        let stretch = groups.range().len().div_ceil(SAMPLED_STRETCHES).max(1);
        for first in groups.iter().step_by(stretch) {
            self.rows.seek(first.0.to_be_bytes());
            let mut taken = 0;
            for _ in 0..SAMPLED_ROWS {
                let Some((key, row)) = self.rows.item() else { break };
                let (group, key) = split(key)?;
                if usize::from(group.0 - first.0) >= stretch || taken >= SAMPLED_BYTES {
                    break;
                }
                if key.len() + row.len() <= SAMPLED_BYTES {
                    let bytes = sample.entry(group).or_default();
                    bytes.extend_from_slice(key);
                    bytes.extend_from_slice(row);
                    taken += key.len() + row.len();
                }
                self.rows.next();
            }
        }
        self.finish()?;
        Ok(sample)
    }

    /// Writes them to a section of a snapshot, as the heap would: in the form of savepoints.
    pub(crate) fn capture(
        self,
        section: &str,
        rewrite: &RewriteRow<'_>,
        to: &mut OperatorCapture,
    ) -> Result<(), StateError> {
        self.for_each(|group, key, row| {
            let bytes = to.keyed(section, group);
            let before = bytes.len();
            bytes.extend_from_slice(key);
            rewrite(row, bytes)?;
            if bytes.len() == before + key.len() {
                bytes.truncate(before);
            }
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
            let (group, key) = split(key)?;
            read(group, key, row)?;
            self.rows.next();
        }
        self.finish()
    }
}

/// Reads rows of some key groups only, once.
fn within(groups: KeyGroups) -> ReadOptions {
    let (first, end) = bounds(groups);
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(first);
    options.set_iterate_upper_bound(end);
    options.fill_cache(false);
    options
}

fn split(key: &[u8]) -> Result<(KeyGroup, &[u8]), StateError> {
    let wrong = || StateError::decode("a key of a database", &format_args!("it has {} bytes only", key.len()));
    split_key(key).ok_or_else(wrong)
}
