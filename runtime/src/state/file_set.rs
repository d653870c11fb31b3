//! State that a snapshot holds as files of a store's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{KeyGroup, KeyGroups, StateError};

/// The files of one subtask's database at one checkpoint. They never change, so a checkpoint shares with the one before
/// what both have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    /// Names the database, among all that ever were.
    pub database: String,
    /// Which subtask it belonged to.
    pub subtask: usize,
    /// How many subtasks its operator had.
    pub parallelism: usize,
    /// How many key groups.
    pub max_parallelism: usize,
    /// Its files.
    pub files: Vec<SharedFile>,
    /// Entries of some of its key groups, one of each shape, to try types against without the files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sample: BTreeMap<KeyGroup, ByteBuf>,
    /// The folder of the checkpoint store that they have been found in, if it is not the one that checkpoints share.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stored: String,
    /// The local directory that the files are in: after a checkpoint until they have been stored, and again once they
    /// have been fetched, to be restored from.
    #[serde(skip)]
    pub local: PathBuf,
}

/// A file of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// Its name in the checkpoint store. Files with one name have the same content.
    pub name: String,
    /// Its name in the database's directory.
    pub file: String,
    /// Its length.
    pub bytes: u64,
}

impl FileSet {
    /// The key groups that it has rows of.
    pub(crate) fn key_groups(&self) -> KeyGroups {
        KeyGroups::of_subtask(self.subtask, self.parallelism, self.max_parallelism)
    }

    /// Hands the entries of some key groups to `read`, one at a time: a key and its row.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn read_keyed(
        &self,
        groups: KeyGroups,
        mut read: impl FnMut(KeyGroup, &mut &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut entry = Vec::new();
        super::rocksdb::read_files(self, groups, |group, key, row| {
            entry.clear();
            entry.extend_from_slice(key);
            entry.extend_from_slice(row);
            read(group, &mut entry.as_slice())
        })
    }

    /// Fails, since what the files hold cannot be read without RocksDB.
    #[cfg(not(feature = "rocksdb"))]
    pub(crate) fn read_keyed(
        &self,
        _groups: KeyGroups,
        _read: impl FnMut(KeyGroup, &mut &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        Err(StateError::NeedsRocksDb { database: self.database.clone() })
    }
}
