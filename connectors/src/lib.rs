//! Sources and sinks for [Millstream](millstream): one module per system.
//!
//! * [`mod@file`]: files, directories and globs; lines, CSV, JSON lines, Parquet and Avro; gzip and zstd.
//! * [`mod@format`]: what the connectors have in common: JSON, CSV, text, bytes, Debezium's changes and Avro as messages.
//! * `http`, with the feature of that name: a sink that posts records to a URL.
//! * `elasticsearch`, with the feature of that name: a sink that indexes records.
//! * `kafka`, with the feature of that name: a source, and a sink that writes exactly once, for Apache Kafka.
//! * [`mod@socket`]: lines from and to another program, over TCP.
//! * `sql`, with the feature `postgres`: a sink, a bounded source and lookups for PostgreSQL.

#[cfg(feature = "elasticsearch")]
pub mod elasticsearch;
pub mod file;
pub mod format;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "kafka")]
pub mod kafka;
mod retry;
pub mod socket;
#[cfg(feature = "postgres")]
pub mod sql;
