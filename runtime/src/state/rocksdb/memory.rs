//! What all databases of a process share.

use rocksdb::{Cache, WriteBufferManager};
use tempfile::TempDir;

use crate::state::{RocksDbSettings, StateError};

/// The settings, and one budget of memory for blocks and write buffers.
pub(crate) struct RocksDb {
    pub(super) settings: RocksDbSettings,
    pub(super) blocks: Cache,
    pub(super) write_buffers: WriteBufferManager,
    /// Databases and checkpoints that have not been stored yet are in here; removed with all that is in it.
    pub(super) root: TempDir,
}

impl RocksDb {
    /// Makes a directory for the databases, and checks the options.
    pub(crate) fn new(settings: RocksDbSettings) -> Result<Self, StateError> {
        // Write buffers are flushed when they have filled a third of the budget, and may grow to half of it meanwhile.
        // They are charged to the cache, which evicts blocks in their favour; the overshoot of a sixth is left out of it.
        let blocks = Cache::new_lru_cache(settings.memory / 6 * 5);
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(settings.memory / 3, false, blocks.clone());
        let parent = settings.directory.clone().unwrap_or_else(std::env::temp_dir);
        let root = std::fs::create_dir_all(&parent)
            .and_then(|()| tempfile::Builder::new().prefix("millstream-state-").tempdir_in(&parent))
            .map_err(|error| StateError::store(&parent, "cannot be made a directory in for databases", error))?;
        let shared = Self { settings, blocks, write_buffers, root };
        shared.options()?;
        Ok(shared)
    }

    /// Bytes in use by all databases.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.blocks.get_usage()
    }
}
