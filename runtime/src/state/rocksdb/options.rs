//! Settings as RocksDB's options.

use rocksdb::{BlockBasedOptions, DBCompressionType, InfoLogger, LogLevel, Options};

use super::RocksDb;
use crate::state::{RocksDbProfile, StateError};

/// A filter of a write buffer takes this part of the memory of all databases.
const FILTER_PART: f64 = 400.0;
/// How large a write buffer becomes by RocksDB's defaults, of which filters are a part.
const WRITE_BUFFER: f64 = (64 << 20) as f64;

impl RocksDb {
    /// The options of a database.
    pub(super) fn options(&self) -> Result<Options, StateError> {
        let settings = &self.settings;
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_stats_dump_period_sec(0);
        // Write buffers grow in steps that are small beside the budget, however small that is.
        options.set_arena_block_size((settings.memory / 256).clamp(4 << 10, 1 << 20));
        // It is part of every checkpoint.
        options.set_max_manifest_file_size(1 << 20);
        // Most keys that are looked for are in no write buffer, and to look through one costs more than through a table. The
        // filter is there as long as the database is, so it is small beside the budget, too.
        options.set_memtable_whole_key_filtering(true);
        let ratio = settings.memory as f64 / FILTER_PART / WRITE_BUFFER;
        options.set_memtable_prefix_bloom_ratio(ratio.min(0.05));
        let mut tables = BlockBasedOptions::default();
        tables.set_block_cache(&self.blocks);
        tables.set_cache_index_and_filter_blocks(true);
        tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
        // A key that is new is looked for in vain.
        tables.set_bloom_filter(10.0, false);
        apply(settings.profile, &mut options, &mut tables);
        options.set_block_based_table_factory(&tables);
        let mut options = options
            .get_options_from_string(&settings.options)
            .map_err(|error| StateError::Options { options: settings.options.clone(), reason: error.into_string() })?;
        options.set_write_buffer_manager(&self.write_buffers);
        options.set_info_logger(logger());
        Ok(options)
    }
}

fn apply(profile: RocksDbProfile, options: &mut Options, tables: &mut BlockBasedOptions) {
    match profile {
        RocksDbProfile::Default => {}
        RocksDbProfile::SpinningDisk | RocksDbProfile::FlashSsd => options.set_max_background_jobs(4),
        RocksDbProfile::SpinningDiskHighMemory => {
            options.set_max_background_jobs(4);
            options.set_write_buffer_size(64 << 20);
            options.set_max_write_buffer_number(4);
            options.set_min_write_buffer_number_to_merge(3);
            options.set_target_file_size_base(256 << 20);
            options.set_max_bytes_for_level_base(1 << 30);
            tables.set_block_size(128 << 10);
        }
    }
    if profile == RocksDbProfile::SpinningDisk {
        options.set_compaction_readahead_size(8 << 20);
    }
}

/// Hands on what RocksDB warns of.
pub(super) fn logger() -> InfoLogger {
    InfoLogger::new_callback_logger(LogLevel::Warn, |level, message| match level {
        LogLevel::Error | LogLevel::Fatal => tracing::error!("RocksDB: {}", message.trim_end()),
        _ => tracing::warn!("RocksDB: {}", message.trim_end()),
    })
}
