//! What all databases of a process share.

use rocksdb::{Cache, WriteBufferManager};

use crate::state::{RocksDbSettings, StateError};

/// The settings, and one budget of memory for blocks and write buffers.
pub(crate) struct RocksDb {
    pub(super) settings: RocksDbSettings,
    pub(super) blocks: Cache,
    pub(super) write_buffers: WriteBufferManager,
}

impl RocksDb {
    /// Claims nothing yet; checks the options.
    pub(crate) fn new(settings: RocksDbSettings) -> Result<Self, StateError> {
        // Write buffers are flushed when they have filled a third of the budget, and may grow to half of it meanwhile.
        // They are charged to the cache, which evicts blocks in their favour; the overshoot of a sixth is left out of it.
        let blocks = Cache::new_lru_cache(settings.memory / 6 * 5);
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(settings.memory / 3, false, blocks.clone());
        let shared = Self { settings, blocks, write_buffers };
        shared.options()?;
        Ok(shared)
    }

    /// Bytes in use by all databases.
    pub(crate) fn used(&self) -> usize {
        self.blocks.get_usage()
    }
}
