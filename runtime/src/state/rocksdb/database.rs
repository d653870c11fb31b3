//! The database of one keyed section of one operator of one subtask.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, WriteBatch, WriteOptions};
use serde_bytes::ByteBuf;
use tempfile::TempDir;

use super::RocksDb;
use super::expiry::Factory;
use super::rows::Rows;
use crate::state::{ExpiryFilters, KeyGroup, KeyGroups, SharedFile, StateError};

/// A database in a directory of its own, which is removed with it.
///
/// Reading and writing may wait for the disk.
pub(crate) struct Database {
    pub(super) db: DB,
    /// Names the database in snapshots; no two have the same.
    pub(super) id: String,
    /// The tables that it was restored with, by their names in its directory.
    pub(super) inherited: BTreeMap<String, SharedFile>,
    /// How many checkpoints there have been.
    pub(super) checkpoints: AtomicU64,
    pub(super) directory: TempDir,
    /// The directory is in one that these share.
    pub(super) shared: Arc<RocksDb>,
}

impl Database {
    /// A database without rows.
    pub(crate) fn create(shared: &Arc<RocksDb>, expired: Option<ExpiryFilters>) -> Result<Self, StateError> {
        Self::open(shared, expired, new_directory(shared)?, BTreeMap::new())
    }

    /// Opens what stands in the directory; `inherited` are the tables among it.
    pub(super) fn open(
        shared: &Arc<RocksDb>,
        expired: Option<ExpiryFilters>,
        directory: TempDir,
        inherited: BTreeMap<String, SharedFile>,
    ) -> Result<Self, StateError> {
        let mut options = shared.options()?;
        if let Some(expired) = expired {
            options.set_compaction_filter_factory(Factory(expired));
        }
        let path = directory.path().join("db");
        let family = ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        let db = DB::open_cf_descriptors(&options, &path, [family])
            .map_err(|error| StateError::store(&path, "cannot be opened", error))?;
        Ok(Self {
            db,
            id: random_id(),
            inherited,
            checkpoints: AtomicU64::new(0),
            directory,
            shared: Arc::clone(shared),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.db.path()
    }

    /// The rows of keys, as far as they have one, in the order of the keys; `sorted` says that the keys are in order.
    pub(crate) fn get_many<'keys>(
        &self,
        keys: impl IntoIterator<Item = &'keys [u8]>,
        sorted: bool,
    ) -> impl Iterator<Item = Result<Option<impl Deref<Target = [u8]>>, StateError>> {
        let family = self.db.cf_handle(DEFAULT_COLUMN_FAMILY_NAME).expect("invariant: opened with this family");
        let rows = self.db.batched_multi_get_cf(family, keys, sorted);
        rows.into_iter().map(|row| row.map_err(|error| StateError::store(self.path(), "cannot be read", error)))
    }

    /// Carries changes out, all or none of them.
    pub(crate) fn write(&self, changes: Changes) -> Result<(), StateError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db
            .write_opt(changes.0, &options)
            .map_err(|error| StateError::store(self.path(), "cannot be written", error))
    }

    /// The rows of a range of key groups as they are now, in order.
    pub(crate) fn rows(&self, groups: KeyGroups) -> Rows<'_> {
        Rows::of(&self.db, groups)
    }

    /// A few rows: since keys are spread over key groups by their hash, as if drawn at random.
    pub(crate) fn sample(&self, groups: KeyGroups) -> Result<BTreeMap<KeyGroup, ByteBuf>, StateError> {
        Rows::to_be_sampled(&self.db, groups).sample(groups)
    }
}

/// Changes of rows, to be written at once.
#[derive(Default)]
pub(crate) struct Changes(WriteBatch);

impl Changes {
    /// Writes a row in place of the one before.
    pub(crate) fn put(&mut self, key: &[u8], row: &[u8]) {
        self.0.put(key, row);
    }

    /// Deletes a row, if there is one.
    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.0.delete(key);
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.0.size_in_bytes()
    }
}

/// A directory for a database, which is removed when it is dropped.
pub(super) fn new_directory(shared: &RocksDb) -> Result<TempDir, StateError> {
    let parent = shared.root.path();
    tempfile::Builder::new()
        .prefix("database-")
        .tempdir_in(parent)
        .map_err(|error| StateError::store(parent, "cannot be made a directory in for a database", error))
}

/// 128 bits that nobody else has: the standard library seeds its hashers from the system's randomness.
fn random_id() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
