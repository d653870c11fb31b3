//! What the file source reads, and what it says when it cannot.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{drain, error, read, values, write, write_gz, write_zst};
use millstream::connector::{Assignment, Boundedness, Enumerator, ReadBuffer, Reader, ReaderContext, Source, Split};
use millstream::testing::conformance;
use millstream_connectors::file::{FileSource, Malformed};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    origin: String,
    delay_min: i64,
}

fn flight(origin: &str, delay_min: i64) -> Flight {
    Flight { origin: origin.to_owned(), delay_min }
}

/// The lines of a text, as the documentation of the source defines them.
fn lines_of(text: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect();
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    // Without a newline behind it, a carriage return is text.
    if !text.ends_with('\n') && text.ends_with('\r') {
        lines.last_mut().unwrap().push('\r');
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_are_the_same_however_the_file_is_cut(
        text in "(\n|\r\n|é|[a-c]|日本| ){0,60}",
        split_bytes in 1u64..20,
    ) {
        let dir = tempdir().unwrap();
        let path = write(dir.path().join("text"), &text);
        let expected = lines_of(&text);
        prop_assert_eq!(values(&FileSource::lines(&path).split_bytes(split_bytes)), expected.clone());
        prop_assert_eq!(values(&FileSource::lines(write_gz(dir.path().join("t.gz"), text.as_bytes()))), expected.clone());
        prop_assert_eq!(values(&FileSource::lines(write_zst(dir.path().join("t.zst"), text.as_bytes()))), expected);
    }
}

/// Some lines, longer in all than a block.
fn long_text() -> String {
    (0..8000).map(|number| format!("line {number} {}\n", "x".repeat(number % 50))).collect()
}

#[test]
fn keeps_the_source_contract() {
    let dir = tempdir().unwrap();
    let text = long_text();
    let expected: Vec<String> = text.lines().map(str::to_owned).collect();
    let plain = write(dir.path().join("plain.txt"), &text);
    conformance::source(|| FileSource::lines(&plain).split_bytes(100_000), expected.clone());
    let packed = [write_gz(dir.path().join("packed.gz"), text.as_bytes()), write(dir.path().join("empty"), "")];
    conformance::source(|| FileSource::lines(&packed), expected.clone());
    let packed = write_zst(dir.path().join("packed.zst"), text.as_bytes());
    conformance::source(|| FileSource::lines(&packed).watch(Duration::from_secs(1)), expected);
}

#[test]
fn csv_and_json_keep_the_source_contract() {
    let dir = tempdir().unwrap();
    let flights: Vec<Flight> = (0..3000).map(|number| flight(&format!("\"A,\n{number}"), number)).collect();
    let rows =
        flights.iter().map(|flight| format!("{},\"{}\"\r\n", flight.delay_min, flight.origin.replace('"', "\"\"")));
    let csv = write(dir.path().join("f.csv"), format!("\u{feff}\ndelay_min,origin\n{}", rows.collect::<String>()));
    conformance::source(|| FileSource::csv::<Flight>(&csv), flights.clone());
    let rows = flights.iter().map(|flight| serde_json::to_string(flight).unwrap() + "\n\n");
    let json = write(dir.path().join("f.jsonl"), rows.collect::<String>());
    conformance::source(|| FileSource::json_lines::<Flight>(&json).split_bytes(10_000), flights);

    let plain: Vec<Flight> = (0..3000).map(|number| flight("A B", number)).collect();
    let rows = plain.iter().map(|flight| format!("{},{}\n", flight.delay_min, flight.origin));
    let csv = write(dir.path().join("plain.csv"), format!("delay_min,origin\n{}", rows.collect::<String>()));
    conformance::source(|| FileSource::csv::<Flight>(&csv).splittable().split_bytes(5000), plain);
}

/// Rows of two fields: some malformed, some empty, quoted ones with newlines and quotes inside if `quotes` is set.
fn rows(quotes: bool) -> impl Strategy<Value = Vec<String>> {
    let quoted = if quotes { 2 } else { 0 };
    let row = prop_oneof![
        4 => (0..100i64).prop_map(|delay| format!("{delay},é{delay}")),
        1 => Just("late,A".to_owned()),
        1 => Just("1,2,3".to_owned()),
        1 => Just(String::new()),
        quoted => (0..100i64).prop_map(|delay| format!("{delay},\"a,\n\"\"{delay}\r\n\"")),
    ];
    prop::collection::vec(row, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn csv_is_resumed_at_every_row_in_every_packing(
        rows in rows(true),
        mark in any::<bool>(),
        crlf in any::<bool>(),
        blank_before in 0..3usize,
        last_ends in any::<bool>(),
        header in any::<bool>(),
        policy in prop_oneof![Just(Malformed::Skip), Just(Malformed::SideOutput)],
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let names = header.then(|| "delay_min,origin".to_owned());
        let lines: Vec<String> = vec![String::new(); blank_before].into_iter().chain(names).chain(rows).collect();
        let text = lines.join(end) + if last_ends { end } else { "" };
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let dir = tempdir().unwrap();
        let paths = [
            write(dir.path().join("f.csv"), &text),
            write_gz(dir.path().join("f.csv.gz"), text.as_bytes()),
            write_zst(dir.path().join("f.csv.zst"), text.as_bytes()),
        ];
        for path in paths {
            let source = || FileSource::csv::<(i64, String)>(&path).has_header(header).on_malformed(policy);
            conformance::source(source, values(&source()));
        }
    }

    #[test]
    fn rows_are_the_same_however_the_file_is_cut_and_resumed(
        rows in rows(false),
        mark in any::<bool>(),
        crlf in any::<bool>(),
        blank_before in 0..3usize,
        split_bytes in 1u64..40,
        policy in prop_oneof![Just(Malformed::Skip), Just(Malformed::SideOutput)],
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let lines = vec![String::new(); blank_before].into_iter().chain(["delay_min,origin".to_owned()]).chain(rows);
        let text = lines.map(|line| line + end).collect::<String>();
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let dir = tempdir().unwrap();
        let path = write(dir.path().join("f.csv"), text);
        let whole = || FileSource::csv::<Flight>(&path).splittable().on_malformed(policy);
        let cut = || whole().split_bytes(split_bytes);
        let expected = read(&whole()).unwrap();
        let found = read(&cut()).unwrap();
        prop_assert_eq!(&found.values, &expected.values);
        prop_assert_eq!(found.rejected, expected.rejected);
        prop_assert_eq!(found.skipped, expected.skipped);
        conformance::source(cut, expected.values);
    }
}

#[test]
fn a_malformed_row_fails_a_resumed_reader_as_it_does_the_first() {
    let dir = tempdir().unwrap();
    let text = "\u{feff}\r\ndelay_min,origin\r\n1,A\r\n2,B\r\nx,C\r\n";
    for path in [write(dir.path().join("f"), text), write_gz(dir.path().join("f.gz"), text.as_bytes())] {
        let source = FileSource::csv::<Flight>(&path);
        let ctx = ReaderContext { subtask: 0, parallelism: 1 };
        let mut enumerator = source.enumerator(None).unwrap();
        enumerator.discover().unwrap();
        let Assignment::Splits(splits) = enumerator.next(&ctx) else { panic!("no split") };
        // The first row after what comes before it, as a reader says that it got so far.
        let resumed = format!("{{\"offset\":{},\"line\":4}}", text.find("2,B").unwrap());
        let split = serde_json::to_string(&splits[0]).unwrap().replace("\"at\":null", &format!("\"at\":{resumed}"));
        let mut reader = source.reader(ctx).unwrap();
        reader.add(serde_json::from_str(&split).unwrap()).unwrap();
        let message = reader.read(&mut ReadBuffer::default()).unwrap_err().to_string();
        assert_eq!(message, error(&source));
        assert!(message.contains("line 5 column 1"), "{message}");
    }
}

#[test]
fn directories_are_read_to_the_bottom_without_what_is_hidden() {
    let dir = tempdir().unwrap();
    for (name, content) in [
        ("b", "2"),
        ("a/z", "1"),
        ("a/.hidden", "no"),
        ("_tmp/x", "no"),
        (".git/x", "no"),
        ("c/d/e", "3"),
        ("_done", "no"),
    ] {
        write(dir.path().join(name), content);
    }
    assert_eq!(values(&FileSource::lines(dir.path())), ["1", "2", "3"]);
    // What is named itself is read.
    assert_eq!(values(&FileSource::lines(dir.path().join("a/.hidden"))), ["no"]);
    // Found twice, read once.
    assert_eq!(values(&FileSource::lines([dir.path().to_owned(), dir.path().join("./b")])), ["1", "2", "3"]);
}

#[test]
fn globs_match_files_and_directories() {
    let dir = tempdir().unwrap();
    for (name, content) in [("x1.log", "1"), ("x2.log", "2"), ("x3/in", "3"), (".x4.log", "no"), ("_x5.log", "no")] {
        write(dir.path().join(name), content);
    }
    let glob = |pattern: &str| FileSource::lines(dir.path().join(pattern));
    assert_eq!(values(&glob("*.log")), ["1", "2"]);
    assert_eq!(values(&glob("x[13]*")), ["1", "3"]);
    assert_eq!(values(&glob("_*.log")), ["no"]);
    // A file of that name goes before the pattern.
    write(dir.path().join("x?.log"), "literal");
    assert_eq!(values(&glob("x?.log")), ["literal"]);
}

#[test]
fn missing_inputs_are_named_when_the_job_starts() {
    let dir = tempdir().unwrap();
    for name in ["gone.txt", "gone/*.txt"] {
        let path = dir.path().join(name);
        let message = error(&FileSource::lines(&path));
        assert!(message.contains(&path.display().to_string()) && message.contains("check the path"), "{message}");
    }
    let message = error(&FileSource::lines("gone.txt"));
    assert!(message.contains("looked for in"), "{message}");
    let message = error(&FileSource::lines(Vec::<String>::new()));
    assert!(message.contains("without paths"), "{message}");
    assert!(values(&FileSource::lines(dir.path())).is_empty());
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named_when_the_job_starts() {
    let dir = tempdir().unwrap();
    // A link to itself cannot be opened, not even by root.
    let path = dir.path().join("loop");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let message = error(&FileSource::lines(&path));
    assert!(message.starts_with(&format!("cannot read {}", path.display())), "{message}");
}

#[test]
fn a_corrupt_compressed_file_is_named() {
    let dir = tempdir().unwrap();
    for name in ["a.gz", "a.zst"] {
        let path = write(dir.path().join(name), "not compressed at all");
        let message = error(&FileSource::lines(&path));
        assert!(message.starts_with(&format!("cannot read {}", path.display())), "{message}");
    }
    assert!(values(&FileSource::lines(write(dir.path().join("empty.gz"), ""))).is_empty());
}

/// Checks the message about the one malformed row of a file, cut into splits of all sizes.
#[track_caller]
fn check_malformed<D>(path: &Path, source: impl Fn() -> FileSource<D>, place: &str, reason: &str)
where
    D: millstream_connectors::file::RowDecoder,
{
    let expected = format!("{} {place}: {reason}", path.display());
    for split_bytes in [1, 7, 100, 1 << 20] {
        let make = || source().split_bytes(split_bytes);
        assert_eq!(error(&make()), expected, "splits of {split_bytes}");
        assert_eq!(read(&make().on_malformed(Malformed::Skip)).unwrap().skipped, 1);
        let rejected = read(&make().on_malformed(Malformed::SideOutput)).unwrap().rejected;
        assert_eq!(rejected.iter().map(|(message, _)| message.as_str()).collect::<Vec<_>>(), [expected.as_str()]);
    }
}

#[test]
fn malformed_rows_are_named_by_file_line_and_column() {
    let dir = tempdir().unwrap();
    let text = write(dir.path().join("text"), b"one\ntw\xc3\xb6\n\xc3\xa4b\xff\nfour\n");
    check_malformed(&text, || FileSource::lines(&text), "line 3 column 3", "invalid UTF-8");

    let json =
        write(dir.path().join("json"), "{\"origin\":\"A\",\"delay_min\":1}\n\n{\"origin\":\"ä\",\"delay_min\":x}\n");
    let column = "{\"origin\":\"ä\",\"delay_min\":x".chars().count();
    let place = format!("line 3 column {column}");
    check_malformed(&json, || FileSource::json_lines::<Flight>(&json), &place, "field `delay_min`: expected value");

    let csv = write(dir.path().join("csv"), "origin,delay_min\nA,1\n\nÄ,late\nB,2\n");
    let reason = "field `delay_min`: invalid digit found in string";
    check_malformed(&csv, || FileSource::csv::<Flight>(&csv).splittable(), "line 4 column 3", reason);
    let csv = write(dir.path().join("quoted"), "origin,delay_min\n\"A\nB\",1\n\"C\nD\",late\n");
    check_malformed(&csv, || FileSource::csv::<Flight>(&csv), "line 5 column 4", reason);
}

#[test]
fn a_rejected_row_comes_with_its_text() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f"), "1\nx\n3\n");
    let outcome = read(&FileSource::json_lines::<u64>(&path).on_malformed(Malformed::SideOutput)).unwrap();
    assert_eq!(outcome.values, [1, 3]);
    assert_eq!(outcome.rejected[0].1, "x");
}

#[test]
fn a_row_beyond_the_limit_is_an_error_that_names_the_limit() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f"), format!("short\n{}\n", "x".repeat(600_000)));
    assert_eq!(values(&FileSource::lines(&path)).len(), 2);
    for limit in [1000, 300_000] {
        let message = error(&FileSource::lines(&path).max_line_bytes(limit));
        assert!(message.contains("f line 2") && message.contains(&format!("{limit} bytes")), "{message}");
    }
    let path = write(dir.path().join("g.csv"), format!("a,b\n1,\"{}", "2\n".repeat(200_000)));
    let message = error(&FileSource::csv::<(u64, String)>(&path).max_line_bytes(1000));
    assert!(message.contains("g.csv line 2") && message.contains("open quote"), "{message}");
}

#[test]
fn the_place_of_a_record_is_its_line_in_every_split() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f"), "a\nb\nc\nd\ne\n");
    let source = FileSource::lines(&path).split_bytes(4);
    let mut enumerator = source.enumerator(None).unwrap();
    enumerator.discover().unwrap();
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    // Positions are lines in the split that begins the file and bytes in the others.
    for (unit, position, line) in [("line", 2, 2), ("byte", 4, 3), ("byte", 8, 5)] {
        let Assignment::Splits(splits) = enumerator.next(&ctx) else { panic!("no split") };
        assert_eq!(splits[0].position_unit(), unit);
        assert_eq!(splits[0].place(position), format!("{} line {line}", path.display()));
    }
}

#[test]
fn watching_finds_each_new_file_once() {
    let dir = tempdir().unwrap();
    let source = FileSource::lines(dir.path()).watch(Duration::from_millis(50));
    assert_eq!(source.boundedness(), Boundedness::Unbounded);
    let mut enumerator = source.enumerator(None).unwrap();
    assert_eq!(enumerator.discovery_interval(), Some(Duration::from_millis(50)));
    let look = |enumerator: &mut _, restored: bool| {
        if restored {
            let state = rmp_state(enumerator);
            *enumerator = source.enumerator(Some(state)).unwrap();
        }
        enumerator.discover().unwrap();
        drain(&source, enumerator).unwrap().values
    };
    assert!(look(&mut enumerator, false).is_empty());
    write(dir.path().join("b"), "1\n");
    write(dir.path().join(".c"), "hidden\n");
    assert_eq!(look(&mut enumerator, false), ["1"]);
    write(dir.path().join("a"), "2\n");
    fs::rename(dir.path().join(".c"), dir.path().join("c")).unwrap();
    assert_eq!(look(&mut enumerator, true), ["2", "hidden"]);
    assert!(look(&mut enumerator, true).is_empty());
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    assert_eq!(enumerator.next(&ctx), Assignment::Later);
}

fn rmp_state<E: Enumerator>(enumerator: &E) -> E::State {
    serde_json::from_str(&serde_json::to_string(&enumerator.snapshot()).unwrap()).unwrap()
}

#[test]
fn a_file_that_has_become_shorter_is_an_error() {
    let dir = tempdir().unwrap();
    let path = write(dir.path().join("f"), "a\n".repeat(20_000));
    let source = FileSource::lines(&path);
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    let mut enumerator = source.enumerator(None).unwrap();
    enumerator.discover().unwrap();
    let Assignment::Splits(mut splits) = enumerator.next(&ctx) else { panic!("no split") };
    let id = splits[0].id().to_owned();
    let mut reader = source.reader(ctx.clone()).unwrap();
    reader.add(splits.remove(0)).unwrap();
    reader.read(&mut ReadBuffer::default()).unwrap();
    let position = reader.position(&id).unwrap();
    write(&path, "a\n");
    let mut reader = source.reader(ctx).unwrap();
    reader.add(position).unwrap();
    let message = reader.read(&mut ReadBuffer::default()).unwrap_err().to_string();
    assert!(message.contains("become shorter"), "{message}");
}
