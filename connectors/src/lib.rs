//! Sources and sinks for [Millstream](millstream): one module per system.
//!
//! * [`mod@file`]: files, directories and globs; lines, CSV, JSON lines, Parquet and Avro; gzip and zstd.
//! * [`mod@format`]: what the connectors have in common: JSON, CSV, text, bytes, Debezium's changes and Avro as messages.

pub mod file;
pub mod format;
