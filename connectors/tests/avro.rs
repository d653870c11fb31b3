//! Avro container files, and messages whose schemas a registry knows.

#![cfg(feature = "avro")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::path::{Path, PathBuf};

use common::http::{self, Server};
use common::{commit, error, put, read, values, visible, write, writer};
use millstream::connector::ReadBuffer;
use millstream::testing::conformance;
use millstream::time::Timestamp;
use millstream_connectors::file::{FileSink, FileSource, Malformed, RollingPolicy};
use millstream_connectors::format::{
    AvroCompression, AvroFile, ConfluentAvro, DeserializationSchema, DeserializeError, SchemaRegistry,
    SerializationSchema,
};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

const SCHEMA: &str = r#"{"type": "record", "name": "Flight", "fields": [
    {"name": "number", "type": "int"},
    {"name": "origin", "type": "string"},
    {"name": "delay_min", "type": ["null", "long"], "default": null},
    {"name": "gates", "type": {"type": "array", "items": "int"}},
    {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OnTime", "Late"]}}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    OnTime,
    Late,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    number: i32,
    origin: String,
    delay_min: Option<i64>,
    gates: Vec<i32>,
    status: Status,
}

fn flight(number: i32) -> Flight {
    Flight {
        number,
        origin: format!("A{}é", number % 17),
        delay_min: (number % 3 == 0).then_some(i64::from(number) - 50),
        gates: (0..number % 4).collect(),
        status: if number % 3 == 0 { Status::Late } else { Status::OnTime },
    }
}

fn untimed<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Timestamp)> {
    values.into_iter().map(|value| (value, Timestamp::MIN))
}

fn format() -> AvroFile<Flight> {
    AvroFile::new(SCHEMA).unwrap().block_bytes(200)
}

/// Writes all records into one file, and gives its path.
fn file(directory: &Path, format: AvroFile<Flight>, records: impl IntoIterator<Item = Flight>) -> PathBuf {
    let sink = FileSink::with_format(directory, format);
    let mut writer = writer(&sink);
    put(&mut writer, untimed(records));
    commit(&sink, writer);
    directory.join(visible(directory).remove(0))
}

#[test]
fn the_sink_keeps_its_contract() {
    let make = || {
        let dir = tempdir().unwrap();
        let policy = RollingPolicy { max_bytes: 700, ..RollingPolicy::default() };
        let sink = FileSink::with_format(dir.path(), format()).roll(policy);
        (sink, move || values(&FileSource::avro::<Flight>(dir.path())))
    };
    conformance::sink(make, (0..100).map(flight).collect());
}

#[test]
fn the_source_keeps_its_contract_however_the_file_is_cut() {
    let dir = tempdir().unwrap();
    let records: Vec<Flight> = (0..120).map(flight).collect();
    let path = file(dir.path(), format(), records.clone());
    for split_bytes in [100, 700, 1 << 20] {
        conformance::source(|| FileSource::avro::<Flight>(&path).split_bytes(split_bytes), records.clone());
    }
}

#[test]
fn every_block_is_read_once_wherever_ranges_end() {
    let dir = tempdir().unwrap();
    let records: Vec<Flight> = (0..60).map(flight).collect();
    let path = file(dir.path(), format().compression(AvroCompression::None), records.clone());
    for split_bytes in (1..200).chain([600, 601, 602, 603]) {
        let found = values(&FileSource::avro::<Flight>(&path).split_bytes(split_bytes));
        assert!(found == records, "splits of {split_bytes}: {} records", found.len());
    }
}

#[test]
fn what_is_written_is_read_back_whatever_the_compression() {
    for compression in [AvroCompression::None, AvroCompression::Deflate, AvroCompression::Snappy, AvroCompression::Zstd]
    {
        let dir = tempdir().unwrap();
        let path = file(dir.path(), AvroFile::new(SCHEMA).unwrap().compression(compression), (0..5000).map(flight));
        assert_eq!(values(&FileSource::avro::<Flight>(&path)), (0..5000).map(flight).collect::<Vec<_>>());
        // Another implementation reads it as well.
        let theirs = apache_avro::Reader::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(theirs.map(Result::unwrap).count(), 5000);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Evolved {
    number: i64,
    #[serde(rename = "from", alias = "origin")]
    from: String,
    #[serde(default)]
    gate: Option<i32>,
}

#[test]
fn a_type_reads_wider_renamed_and_added_fields_and_a_schema_adds_defaults() {
    let dir = tempdir().unwrap();
    let path = file(dir.path(), format(), (0..3).map(flight));
    let expected = Evolved { number: 2, from: "A2é".to_owned(), gate: None };
    assert_eq!(values(&FileSource::avro::<Evolved>(&path))[2], expected);

    let schema = r#"{"type": "record", "name": "Flight", "fields": [
        {"name": "number", "type": "long"},
        {"name": "origin", "type": "string"},
        {"name": "gate", "type": ["int", "null"], "default": 9}]}"#;
    let source = FileSource::in_blocks(&path, AvroFile::<Evolved>::new(schema).unwrap());
    assert_eq!(values(&source)[2], Evolved { gate: Some(9), ..expected });
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Narrow {
    number: u8,
}

#[test]
fn a_record_that_does_not_fit_is_named_by_file_block_and_field() {
    let dir = tempdir().unwrap();
    let numbers = (0..100).map(|number| if number == 70 { 256 } else { number });
    let path = file(dir.path(), format(), numbers.map(flight));
    for split_bytes in [100, 1 << 20] {
        let source = || FileSource::avro::<Narrow>(&path).split_bytes(split_bytes);
        let message = error(&source());
        assert!(message.starts_with(&format!("{} record ", path.display())), "{message}");
        assert!(message.contains(" of the block at byte ") && message.contains(": field `number`: "), "{message}");
        let skipping = read(&source().on_malformed(Malformed::Skip)).unwrap();
        assert_eq!((skipping.values.len(), skipping.skipped), (99, 1));
        let rejecting = read(&source().on_malformed(Malformed::SideOutput)).unwrap();
        assert!(rejecting.rejected[0].1.contains("\"number\":256"), "{:?}", rejecting.rejected);
    }
}

#[test]
fn what_is_damaged_or_no_avro_file_is_named() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f.avro"), "no avro at all");
    assert!(error(&FileSource::avro::<Flight>(&path)).contains("this is no Avro container file"));

    let whole = std::fs::read(file(&dir.path().join("whole"), format(), (0..100).map(flight))).unwrap();
    let cut = write(dir.path().join("cut.avro"), &whole[..whole.len() - 20]);
    let message = error(&FileSource::avro::<Flight>(&cut));
    assert!(message.contains("cut.avro") && message.contains("is damaged: the block at byte"), "{message}");
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    let message = error(&FileSource::avro::<Flight>(write(dir.path().join("marker.avro"), bytes)));
    assert!(message.contains("sync marker"), "{message}");
}

/// A registry that knows some schemas.
fn registry() -> Server {
    Server::start(|request| match request.what.as_str() {
        "GET /schemas/ids/7" => (200, serde_json::json!({ "schema": SCHEMA }).to_string()),
        "GET /schemas/ids/8" => (200, r#"{"schemaType":"PROTOBUF","schema":"x"}"#.to_owned()),
        "GET /schemas/ids/9" => (500, r#"{"error_code":50001,"message":"no backend"}"#.to_owned()),
        "GET /schemas/ids/10" => (200, "<html>".to_owned()),
        "POST /subjects/flights-value/versions" => (200, r#"{"id":7}"#.to_owned()),
        "POST /subjects/refused/versions" => (409, r#"{"error_code":409,"message":"incompatible"}"#.to_owned()),
        _ => (404, r#"{"error_code":40403,"message":"not found"}"#.to_owned()),
    })
}

#[test]
fn messages_go_through_a_registry_which_is_asked_once() {
    let server = registry();
    let registry = SchemaRegistry::new(&server.url);
    let mut outgoing = ConfluentAvro::new(registry.clone()).subject("flights-value", SCHEMA).unwrap();
    let mut incoming = ConfluentAvro::<Flight>::new(registry.clone());
    for number in 0..10 {
        let mut message = Vec::new();
        outgoing.serialize(&flight(number), &mut message).unwrap();
        assert_eq!(message[..5], [0, 0, 0, 0, 7]);
        assert_eq!(incoming.deserialize(&message).unwrap(), Some(flight(number)));
        assert_eq!(incoming.clone().deserialize(&message).unwrap(), Some(flight(number)));
    }
    assert_eq!(incoming.deserialize(b"").unwrap(), None);
    let requests = server.requests();
    let [registered, asked] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(registered.what.starts_with("POST") && registered.body.contains("OnTime"), "{registered:?}");
    assert_eq!(asked.what, "GET /schemas/ids/7");
}

#[test]
fn what_a_registry_does_not_know_is_malformed_and_a_registry_that_fails_is_not() {
    let server = registry();
    let mut incoming = ConfluentAvro::<Flight>::new(SchemaRegistry::new(&server.url));
    let mut check = |id: u8, is_malformed: bool, what: &str| {
        let error = incoming.deserialize(&[0, 0, 0, 0, id, 1]).unwrap_err();
        assert_eq!(matches!(error, DeserializeError::Malformed(_)), is_malformed, "{error}");
        let message = error.to_string();
        assert!(message.contains(what) && message.contains(&format!("schema {id} of the registry")), "{message}");
        let skipped = Malformed::Skip.settle(error, b"", |_| String::new(), &mut ReadBuffer::<Flight>::default());
        assert_eq!(skipped.is_ok(), is_malformed);
    };
    check(6, true, "there is none");
    check(8, true, "PROTOBUF");
    check(9, false, "status 500: no backend");
    check(10, false, "is the URL right?");

    let mut refused = ConfluentAvro::new(SchemaRegistry::new(&server.url)).subject("refused", SCHEMA).unwrap();
    let message = format!("{:#}", refused.serialize(&flight(1), &mut Vec::new()).unwrap_err());
    assert!(message.contains("subject `refused`") && message.contains("status 409: incompatible"), "{message}");

    let mut nowhere = ConfluentAvro::<Flight>::new(SchemaRegistry::new(http::nowhere()));
    let error = nowhere.deserialize(&[0, 0, 0, 0, 7, 0]).unwrap_err();
    assert!(matches!(error, DeserializeError::Io { .. }), "{error}");
}

#[test]
fn a_message_of_another_format_or_schema_is_malformed() {
    let mut fixed = ConfluentAvro::<Flight>::fixed(7, SCHEMA).unwrap();
    let mut check = |message: &[u8], what: &str| {
        let error = fixed.deserialize(message).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    check(b"{}", "does not begin with a zero byte");
    check(&[0, 0, 0], "too few to name a schema (at byte 3)");
    check(&[0, 0, 0, 0, 8, 1], "of schema 8, where all are to be of 7");
    check(&[0, 0, 0, 0, 7, 1, 1], "(by schema 7)");
}
