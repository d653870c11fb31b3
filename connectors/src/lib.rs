//! Sources and sinks for [Millstream](millstream): one module per system.
//!
//! * [`mod@file`]: files, directories and globs; lines, CSV, JSON lines, Parquet and Avro; gzip and zstd.
//! * [`mod@format`]: what the connectors have in common: JSON, CSV, text, bytes, Debezium's changes and Avro as messages.
//! * `sql`, with the feature `postgres`: a sink, a bounded source and lookups for PostgreSQL.

pub mod file;
pub mod format;
#[cfg(feature = "postgres")]
pub mod sql;
