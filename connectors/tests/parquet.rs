//! Parquet files, written and read.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::path::Path;

use common::{commit, error, put, read, values, visible, write, writer};
use millstream::connector::SinkWriter;
use millstream::testing::conformance;
use millstream::time::Timestamp;
use millstream_connectors::file::{Compression, FileSink, FileSource, Malformed, RollingPolicy};
use millstream_connectors::format::{Parquet, ParquetCompression};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    OnTime,
    Late,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    code: String,
    gates: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    number: u64,
    at: i64,
    delay_min: Option<i32>,
    origin: Place,
    status: Status,
    cost: f64,
}

fn flight(number: u64) -> Flight {
    Flight {
        number,
        at: 1_000_000_000_000 + number as i64,
        delay_min: (number.is_multiple_of(3)).then_some(number as i32 - 50),
        origin: Place { code: format!("A{}é", number % 17), gates: (0..number as u16 % 4).collect() },
        status: if number.is_multiple_of(3) { Status::Late } else { Status::OnTime },
        cost: number as f64 / 8.0,
    }
}

fn untimed<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Timestamp)> {
    values.into_iter().map(|value| (value, Timestamp::MIN))
}

/// Writes all records into one file of small row groups, and gives its path.
fn file(directory: &Path, records: impl IntoIterator<Item = Flight>) -> std::path::PathBuf {
    let sink = FileSink::with_format(directory, Parquet::<Flight>::new().row_group_rows(30));
    let mut writer = writer(&sink);
    put(&mut writer, untimed(records));
    commit(&sink, writer);
    directory.join(visible(directory).remove(0))
}

#[test]
fn the_sink_keeps_its_contract() {
    let make = || {
        let dir = tempdir().unwrap();
        let format = Parquet::<Flight>::new().row_group_rows(20);
        let policy = RollingPolicy { max_bytes: 4000, ..RollingPolicy::default() };
        let sink = FileSink::with_format(dir.path(), format)
            .roll(policy)
            .bucket_by(|flight, _| format!("{}", flight.number % 2));
        (sink, move || values(&FileSource::parquet::<Flight>(dir.path())))
    };
    conformance::sink(make, (0..60).map(flight).collect());
}

#[test]
fn what_is_written_is_read_back_whatever_the_compression() {
    for compression in [ParquetCompression::None, ParquetCompression::Snappy, ParquetCompression::Zstd] {
        let dir = tempdir().unwrap();
        let sink = FileSink::with_format(dir.path(), Parquet::new().compression(compression));
        let mut writer = writer(&sink);
        put(&mut writer, untimed((0..3000).map(flight)));
        commit(&sink, writer);
        assert_eq!(values(&FileSource::parquet::<Flight>(dir.path())), (0..3000).map(flight).collect::<Vec<_>>());
    }
}

#[test]
fn the_source_keeps_its_contract_however_the_file_is_cut() {
    let dir = tempdir().unwrap();
    let records: Vec<Flight> = (0..120).map(flight).collect();
    let path = file(dir.path(), records.clone());
    for split_bytes in [4000, 1 << 20] {
        conformance::source(|| FileSource::parquet::<Flight>(&path).split_bytes(split_bytes), records.clone());
    }
}

#[test]
fn a_file_rolls_by_what_its_row_group_holds() {
    let dir = tempdir().unwrap();
    let policy = RollingPolicy { max_bytes: 100_000, ..RollingPolicy::default() };
    let sink = FileSink::<Flight>::parquet(dir.path()).roll(policy);
    let mut writer = writer(&sink);
    put(&mut writer, untimed((0..20_000).map(flight)));
    writer.flush().unwrap();
    commit(&sink, writer);
    assert!(visible(dir.path()).len() > 1);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    cost: f64,
    number: u64,
    #[serde(default)]
    added: Option<String>,
}

#[test]
fn a_type_reads_the_columns_it_has_and_defaults_for_those_the_file_lacks() {
    let dir = tempdir().unwrap();
    let path = file(dir.path(), (0..3).map(flight));
    let parts = values(&FileSource::parquet::<Part>(&path));
    assert_eq!(parts[2], Part { cost: 0.25, number: 2, added: None });
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Narrow {
    number: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Other {
    nowhere: u64,
}

#[test]
fn a_row_that_does_not_fit_is_named_by_file_row_and_field() {
    let dir = tempdir().unwrap();
    let path = file(dir.path(), (0..300).map(|number| flight(if number == 150 { 256 } else { number % 200 })));
    let expected = format!("{} row 151: field `number`: ", path.display());
    for split_bytes in [4000, 1 << 20] {
        let source = || FileSource::parquet::<Narrow>(&path).split_bytes(split_bytes);
        let message = error(&source());
        assert!(message.starts_with(&expected), "{message}");
        let skipping = read(&source().on_malformed(Malformed::Skip)).unwrap();
        assert_eq!((skipping.values.len(), skipping.skipped), (299, 1));
        let rejecting = read(&source().on_malformed(Malformed::SideOutput)).unwrap();
        assert_eq!(rejecting.rejected, [(message, "{\"number\":256}".to_owned())]);
    }
    let message = error(&FileSource::parquet::<Other>(&path));
    assert!(message.contains("row 1: ") && message.contains("`nowhere`"), "{message}");
    assert!(message.contains("the file has number, at, delay_min, origin, status, cost"), "{message}");
}

#[test]
fn what_is_no_parquet_file_is_named() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f.parquet"), "no parquet at all");
    let message = error(&FileSource::parquet::<Part>(&path));
    assert!(message.starts_with(&format!("cannot read {}: ", path.display())), "{message}");
}

#[test]
fn a_column_is_written_as_the_type_that_was_asked_for() {
    let dir = tempdir().unwrap();
    let format = Parquet::<Flight>::new().column("at", "Timestamp(Millisecond, Some(\"UTC\"))");
    let sink = FileSink::with_format(dir.path(), format);
    let mut writer = writer(&sink);
    put(&mut writer, untimed((0..3).map(flight)));
    commit(&sink, writer);
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Text {
        at: String,
    }
    let texts = values(&FileSource::parquet::<Text>(dir.path()));
    assert_eq!(texts[1].at, "2001-09-09T01:46:40.001Z");
    assert_eq!(values(&FileSource::parquet::<Flight>(dir.path())), (0..3).map(flight).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_a_column_is_an_error_that_says_what_to_do() {
    let dir = tempdir().unwrap();
    let try_write = |sink: FileSink<Part>| {
        let mut batch = millstream::channel::Batch::new();
        batch.push(Part { cost: 0.0, number: 0, added: None });
        writer(&sink).write(&mut batch.consume()).unwrap_err().to_string()
    };
    let message = try_write(FileSink::with_format(dir.path(), Parquet::new().column("cost", "Quaternion")));
    assert!(message.contains("column `cost` of type `Quaternion`"), "{message}");
    let message = try_write(FileSink::with_format(dir.path(), Parquet::new().column("costs", "Float32")));
    assert!(message.contains("costs"), "{message}");

    let sink = FileSink::<Part>::parquet(dir.path()).compress(Compression::Gzip);
    let message = millstream::connector::Sink::writer(&sink, common::place()).map(drop).unwrap_err().to_string();
    assert!(message.contains("compressed inside"), "{message}");
}
