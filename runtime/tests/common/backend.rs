//! Where tests keep state: what a job does may not depend on it.

use std::path::Path;

use millstream::state::{RocksDbSettings, StateBackend};

/// A file system in memory on most machines: opening a database waits for a disk a dozen times.
const MEMORY: &str = "/dev/shm";

/// Any backend, by a number drawn at random: the heap, or RocksDB with a cache that holds no row longer than it has to, or
/// some rows, or all of them. Without RocksDB, always the heap.
pub(crate) fn any_backend(number: u64) -> StateBackend {
    match number % 6 {
        place @ 0..3 if cfg!(feature = "rocksdb") => in_rocksdb([0, 2000, 64 << 20][place as usize]),
        _ => StateBackend::Heap,
    }
}

/// RocksDB with a cache of so many bytes of rows.
pub(crate) fn in_rocksdb(cache: usize) -> StateBackend {
    let directory = Path::new(MEMORY).is_dir().then(|| MEMORY.into());
    StateBackend::RocksDb(RocksDbSettings { cache, directory, ..RocksDbSettings::default() })
}
