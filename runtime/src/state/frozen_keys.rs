//! The keys of a subtask as they were when they were frozen, and what was kept for each of them.

use super::snapshot::KeyedEntries;
use super::{Frozen, KeyGroups, RowId, StateError};

/// The keys by number. Numbers that stood for no key are not told from others: what was kept for them is.
pub(crate) struct FrozenKeys<K> {
    keys: Frozen<K>,
    hashes: Frozen<u64>,
}

impl<K> FrozenKeys<K> {
    pub(super) fn new(keys: Frozen<K>, hashes: Frozen<u64>) -> Self {
        Self { keys, hashes }
    }

    #[inline]
    pub(crate) fn key(&self, row: RowId) -> &K {
        self.keys.get(row)
    }

    #[inline]
    pub(crate) fn hash(&self, row: RowId) -> u64 {
        *self.hashes.get(row)
    }

    /// Hands each element of an array over the numbers to `encode`, with its key and where to write the two.
    pub(crate) fn encode<T>(
        &self,
        rows: &Frozen<T>,
        groups: KeyGroups,
        encode: impl Fn(&K, &T, &mut Vec<u8>) -> Result<(), StateError>,
    ) -> Result<KeyedEntries, StateError> {
        let mut entries = KeyedEntries::new(groups);
        for row in 0..rows.len() as RowId {
            encode(self.key(row), rows.get(row), entries.of_hash(self.hash(row)))?;
        }
        Ok(entries)
    }
}
