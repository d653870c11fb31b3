//! Sources and sinks for [Millstream](millstream): one module per system.
//!
//! * [`mod@file`]: files, directories and globs; lines, CSV and JSON lines; gzip and zstd.

pub mod file;
