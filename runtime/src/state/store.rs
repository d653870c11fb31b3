//! What rows are kept in that do not fit into memory.

use std::sync::Arc;

use super::{KeyGroup, KeyGroups, OperatorCapture, OperatorSnapshot, StateError, encode};
use crate::operator::TaskInfo;

/// Where the operators of a job get stores for their rows.
pub(crate) trait RowStores: Send + Sync {
    /// A store for one keyed section of one operator of one subtask, with the rows that a snapshot has of its key
    /// groups. `expired` tells rows that may be dropped.
    fn open(
        &self,
        section: &str,
        groups: KeyGroups,
        from: Option<&OperatorSnapshot>,
        expired: Option<ExpiryFilters>,
    ) -> Result<Arc<dyn RowStore>, StateError>;

    /// So many bytes of rows are to be held in memory, for each store.
    fn cache_bytes(&self) -> usize;
}

/// Makes a filter for rows that are looked through now.
pub(crate) type ExpiryFilters = Arc<dyn Fn() -> ExpiryFilter + Send + Sync>;

/// Whether an encoded row has expired.
pub(crate) type ExpiryFilter = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Rows by key, both as bytes: keys as [`encode_key`] writes them.
///
/// Any call may wait for a disk.
pub(crate) trait RowStore: Send + Sync {
    /// Hands the rows of keys, which are in order, to `found`, with the key's place among them; keys that have no row are
    /// left out.
    fn get_many(&self, keys: &[&[u8]], found: &mut FoundRow<'_>) -> Result<(), StateError>;

    /// Up to `limit` keys of some key groups that have rows, in order: the first of those above `after`, or of all if that is
    /// empty.
    fn keys_after(&self, groups: KeyGroups, after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StateError>;

    /// Carries changes out, all or none of them.
    fn write(&self, changes: &RowChanges) -> Result<(), StateError>;

    /// Captures all rows as a section of a snapshot, in the canonical form if that is asked for: then each row goes through
    /// `rewrite`. Calls `taken` once changes do not matter any more to what is captured.
    fn capture(
        &self,
        section: &str,
        info: &TaskInfo,
        rewrite: &RewriteRow<'_>,
        taken: &dyn Fn(),
        to: &mut OperatorCapture,
    ) -> Result<(), StateError>;
}

/// Appends a row, which an earlier version of the job may have written, as it is written now; nothing if it holds nothing any
/// more.
pub(crate) type RewriteRow<'a> = dyn Fn(&[u8], &mut Vec<u8>) -> Result<(), StateError> + 'a;

/// Takes the place of a key and its row.
pub(crate) type FoundRow<'a> = dyn FnMut(usize, &[u8]) -> Result<(), StateError> + 'a;

/// Changes of rows, to be written at once.
#[derive(Default)]
pub(crate) struct RowChanges {
    bytes: Vec<u8>,
    /// For each change, where its key begins and ends, and where its row ends.
    places: Vec<(usize, usize, usize)>,
}

impl RowChanges {
    /// Adds a change: what `write_key` appends, and the row that `write_row` appends; nothing for its deletion.
    pub(crate) fn add(
        &mut self,
        write_key: impl FnOnce(&mut Vec<u8>) -> Result<(), StateError>,
        write_row: impl FnOnce(&mut Vec<u8>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let start = self.bytes.len();
        write_key(&mut self.bytes)?;
        let key_end = self.bytes.len();
        write_row(&mut self.bytes)?;
        self.places.push((start, key_end, self.bytes.len()));
        Ok(())
    }

    /// The changes: a key and its row, `None` if it is deleted.
    #[cfg_attr(
        not(any(test, feature = "rocksdb")),
        expect(dead_code, reason = "asked by stores, of which there is none")
    )]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.places.iter().map(|(start, key_end, row_end)| {
            let row = &self.bytes[*key_end..*row_end];
            (&self.bytes[*start..*key_end], (!row.is_empty()).then_some(row))
        })
    }

    /// Puts the changes in order of their keys, so that a store finds the place of each near that of the one before.
    pub(crate) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.places.sort_unstable_by(|a, b| bytes[a.0..a.1].cmp(&bytes[b.0..b.1]));
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many bytes keys and rows have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}

/// The user's key, as MessagePack, of a key as [`encode_key`] writes it.
pub(crate) fn user_key(key: &[u8]) -> &[u8] {
    &key[size_of::<u16>()..]
}

/// Appends a key as it stands in stores: the key group, big endian, then the user's key as MessagePack. So rows are
/// ordered by key group.
pub(crate) fn encode_key<K: serde::Serialize>(group: KeyGroup, key: &K, to: &mut Vec<u8>) -> Result<(), StateError> {
    to.extend(group.0.to_be_bytes());
    encode(key, to)
}
