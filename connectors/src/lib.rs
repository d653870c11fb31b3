//! Sources and sinks for [Millstream](millstream): one module per system.
//!
//! * [`mod@file`]: files, directories and globs; lines, CSV and JSON lines; gzip and zstd.
//! * [`mod@format`]: what the connectors have in common: JSON, CSV, text, bytes and Debezium's changes as messages.

pub mod file;
pub mod format;
