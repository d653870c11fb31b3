//! What can be said about the store that keyed state is kept in.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::{RowStores, StateError};

/// Where the rows of keyed operators are kept.
///
/// Timers, and what windows hold, are in memory in either case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StateBackend {
    /// In memory: the fastest. A checkpoint writes all rows.
    #[default]
    Heap,
    /// In RocksDB, which may hold more than fits into memory, with those used lately in memory. A checkpoint writes what
    /// has changed. Needs the cargo feature `rocksdb`.
    RocksDb(RocksDbSettings),
}

impl StateBackend {
    /// The directory for its files.
    pub(crate) fn directory(&self) -> PathBuf {
        match self {
            Self::RocksDb(RocksDbSettings { directory: Some(directory), .. }) => directory.clone(),
            _ => std::env::temp_dir(),
        }
    }

    /// Where the subtasks of a process get stores for their rows; `None` if all rows are in memory.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn open(&self) -> Result<Option<Arc<dyn RowStores>>, StateError> {
        match self {
            Self::Heap => Ok(None),
            Self::RocksDb(settings) => {
                let shared = Arc::new(super::rocksdb::RocksDb::new(settings.clone())?);
                Ok(Some(Arc::new(super::rocksdb::Databases(shared))))
            }
        }
    }

    /// Fails if rows are to be in RocksDB, which is not there.
    #[cfg(not(feature = "rocksdb"))]
    pub(crate) fn open(&self) -> Result<Option<Arc<dyn RowStores>>, StateError> {
        match self {
            Self::Heap => Ok(None),
            Self::RocksDb(_) => Err(StateError::NoRocksDb),
        }
    }
}

/// How RocksDB is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocksDbSettings {
    /// Where databases are put, best a fast local disk; the system's directory for temporary files if there is none.
    /// They are removed with their subtasks.
    pub directory: Option<PathBuf>,
    /// Bytes of memory for the blocks and write buffers of all databases of a process together.
    pub memory: usize,
    /// Bytes of memory for the rows of each keyed operator in each subtask, beside `memory`. Estimated.
    pub cache: usize,
    /// Options that suit a kind of machine.
    pub profile: RocksDbProfile,
    /// Any of RocksDB's own options, in its own syntax, which win over the profile: for example
    /// `max_background_jobs=8;block_based_table_factory={block_size=16384}`.
    pub options: String,
}

impl Default for RocksDbSettings {
    fn default() -> Self {
        let (memory, cache) = (256 << 20, 64 << 20);
        Self { directory: None, memory, cache, profile: RocksDbProfile::default(), options: String::new() }
    }
}

/// Sets of options that suit a kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum RocksDbProfile {
    /// What RocksDB itself proposes.
    #[default]
    Default,
    /// Spinning disks.
    SpinningDisk,
    /// Spinning disks, and much memory: larger blocks, files and write buffers.
    SpinningDiskHighMemory,
    /// Solid state disks.
    FlashSsd,
}
