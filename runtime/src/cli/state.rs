//! The engine's flags for where state is kept.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::state::{RocksDbProfile, RocksDbSettings, StateBackend};
use crate::stream::Environment;

/// Which backend keeps the state of keys, and how.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
#[group(skip)]
pub(crate) struct StateArgs {
    /// Where the state of keys is kept [default: heap]
    #[arg(id = "millstream.state_backend", long = "state-backend", value_name = "BACKEND")]
    backend: Option<Backend>,

    /// The directory for RocksDB's databases, best on a fast local disk [default: the system's for temporary files]
    #[arg(id = "millstream.rocksdb_dir", long = "rocksdb-dir", value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Memory for the blocks and write buffers of all of RocksDB's databases together [default: 256MiB]
    #[arg(id = "millstream.rocksdb_memory", long = "rocksdb-memory", value_name = "SIZE", value_parser = bytes)]
    memory: Option<usize>,

    /// Memory for the rows of each keyed operator in each subtask, beside that [default: 64MiB]
    #[arg(id = "millstream.rocksdb_cache", long = "rocksdb-cache", value_name = "SIZE", value_parser = bytes)]
    cache: Option<usize>,

    /// The kind of machine that RocksDB is set up for [default: default]
    #[arg(id = "millstream.rocksdb_profile", long = "rocksdb-profile", value_name = "PROFILE")]
    profile: Option<RocksDbProfile>,

    /// Options of RocksDB's own, such as `max_background_jobs=8`, separated by `;`
    #[arg(id = "millstream.rocksdb_options", long = "rocksdb-options", value_name = "OPTIONS")]
    options: Option<String>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    /// In memory
    Heap,
    /// In RocksDB, which may hold more than fits into memory
    Rocksdb,
}

impl StateArgs {
    /// A setting that is of no use without RocksDB, if there is one.
    pub(crate) fn stray(&self) -> Option<&'static str> {
        let settings = [
            ("--rocksdb-dir", self.directory.is_some()),
            ("--rocksdb-memory", self.memory.is_some()),
            ("--rocksdb-cache", self.cache.is_some()),
            ("--rocksdb-profile", self.profile.is_some()),
            ("--rocksdb-options", self.options.is_some()),
        ];
        settings.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// Sets what was said on the command line.
    pub(super) fn configure(&self, env: &Environment) {
        let settings = match (self.backend, env.state_backend()) {
            (Some(Backend::Heap), _) => {
                env.set_state_backend(StateBackend::Heap);
                return;
            }
            (Some(Backend::Rocksdb) | None, StateBackend::RocksDb(settings)) => settings,
            (Some(Backend::Rocksdb), StateBackend::Heap) => RocksDbSettings::default(),
            (None, StateBackend::Heap) => return,
        };
        env.set_state_backend(StateBackend::RocksDb(RocksDbSettings {
            directory: self.directory.clone().or(settings.directory),
            memory: self.memory.unwrap_or(settings.memory),
            cache: self.cache.unwrap_or(settings.cache),
            profile: self.profile.unwrap_or(settings.profile),
            options: self.options.clone().unwrap_or(settings.options),
        }));
    }
}

/// A number of bytes with a binary unit.
fn bytes(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let read = UNITS.iter().find_map(|(unit, size)| {
        let number: usize = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(*size)
    });
    read.filter(|bytes| *bytes > 0).ok_or_else(|| "write a number and its unit, such as 512MiB or 4GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("4 GiB"), Ok(4 << 30));
        assert_eq!(bytes("100B"), Ok(100));
        for wrong in ["512", "512MB", "0MiB", "-1MiB", "MiB", "99999999999999GiB"] {
            assert!(bytes(wrong).unwrap_err().contains("such as 512MiB"), "{wrong}");
        }
    }
}
