//! What can be said about the store that keyed state is kept in.

use std::path::PathBuf;

use clap::ValueEnum;

/// How RocksDB is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RocksDbSettings {
    /// Where databases are put, best a fast local disk; the system's directory for temporary files if there is none.
    /// They are removed with their subtasks.
    pub directory: Option<PathBuf>,
    /// Bytes of memory for the blocks and write buffers of all databases of a process together.
    pub memory: usize,
    /// Options that suit a kind of machine.
    pub profile: RocksDbProfile,
    /// Any of RocksDB's own options, in its own syntax, which win over the profile: for example
    /// `max_background_jobs=8;block_based_table_factory={block_size=16384}`.
    pub options: String,
}

impl Default for RocksDbSettings {
    fn default() -> Self {
        Self { directory: None, memory: 256 << 20, profile: RocksDbProfile::default(), options: String::new() }
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
