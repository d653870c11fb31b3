//! What the file sink writes, where, and when it can be seen.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{commit, files, place, put, values, visible, write, writer};
use millstream::connector::{Committer, RecoverContext, Sink, SinkContext, SinkWriter};
use millstream::testing::conformance;
use millstream::time::{ManualClock, Timestamp};
use millstream_connectors::file::{Compression, Existing, FilePart, FileSink, FileSource, RollingPolicy};
use tempfile::tempdir;

fn untimed<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Timestamp)> {
    values.into_iter().map(|value| (value, Timestamp::MIN))
}

type Row = (String, u64);

#[test]
fn keeps_the_sink_contract() {
    let records: Vec<Row> = (0..200).map(|number| (format!("word {number}"), number)).collect();
    let setups: [fn(FileSink<Row>) -> FileSink<Row>; 5] = [
        |sink| sink,
        |sink| sink.bucket_by(|(_, number), _| format!("{}/{}", number % 3, number % 2)),
        |sink| sink.roll(RollingPolicy { max_bytes: 100, ..RollingPolicy::default() }),
        |sink| sink.compress(Compression::Gzip),
        |sink| sink.compress(Compression::Zstd).part_prefix("x").part_suffix(".ndjson"),
    ];
    for setup in setups {
        let make = || {
            let dir = tempdir().unwrap();
            let sink = setup(FileSink::json(dir.path()));
            (sink, move || values(&FileSource::json_lines::<Row>(dir.path())))
        };
        conformance::sink(make, records.clone());
    }
}

#[test]
fn files_are_hidden_until_they_are_committed_and_named_after_their_subtask() {
    let dir = tempdir().unwrap();
    let sink = FileSink::lines(dir.path());
    let mut writer = writer(&sink);
    put(&mut writer, untimed(["a".to_owned(), "b".to_owned()]));
    let name = files(dir.path()).remove(0);
    assert!(name.starts_with(".part-0-0-") && name.contains(".txt.") && name.ends_with(".inprogress"), "{name}");
    commit(&sink, writer);
    let name = files(dir.path()).remove(0);
    assert!(name.starts_with("part-0-0-") && name.ends_with(".txt"), "{name}");
    assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "a\nb\n");
}

#[test]
fn records_go_to_the_bucket_of_their_event_time() {
    let dir = tempdir().unwrap();
    let clock = Arc::new(ManualClock::at("2020-02-03T04:05:06Z".parse().unwrap()));
    let sink = FileSink::json(dir.path()).bucket_by_time("%Y/%m-%d");
    let mut writer = sink.writer(SinkContext::new(0, 1, clock)).unwrap();
    put(&mut writer, [(1, "2001-01-01T23:59:59Z".parse().unwrap()), (2, Timestamp::MIN)]);
    put(&mut writer, [(3, "2001-01-02T00:00:00Z".parse().unwrap())]);
    commit(&sink, writer);
    let directories: Vec<_> =
        visible(dir.path()).iter().map(|file| file.rsplit_once('/').unwrap().0.to_owned()).collect();
    assert_eq!(directories, ["2001/01-01", "2001/01-02", "2020/02-03"]);
}

#[test]
fn files_roll_by_size_age_and_inactivity() {
    let dir = tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let seconds = |count| Some(Duration::from_secs(count));
    let policy = RollingPolicy { max_bytes: 6, max_age: seconds(100), max_idle: seconds(30) };
    let sink = FileSink::lines(dir.path()).roll(policy);
    let mut writer = sink.writer(SinkContext::new(0, 1, clock.clone())).unwrap();
    let at = |writer: &mut _, second: i64, values: &[&str]| {
        clock.advance_to(Timestamp::from_millis(second * 1000));
        put(writer, untimed(values.iter().map(|value| (*value).to_owned())));
    };
    at(&mut writer, 0, &["1", "2", "3", "4"]);
    // The first file was full with `3`.
    assert_eq!(writer.deadline(), Some(Timestamp::from_millis(30_000)));
    writer.on_time(Timestamp::from_millis(30_000)).unwrap();
    assert_eq!(writer.deadline(), None);
    for second in [40, 65, 90, 115, 139] {
        at(&mut writer, second, &[""]);
    }
    assert_eq!(writer.deadline(), Some(Timestamp::from_millis(140_000)));
    at(&mut writer, 140, &["x"]);
    assert_eq!(writer.deadline(), None);
    at(&mut writer, 141, &["y"]);
    commit(&sink, writer);
    let mut contents: Vec<_> =
        visible(dir.path()).iter().map(|file| fs::read_to_string(dir.path().join(file)).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, ["\n\n\n\n\nx\n", "1\n2\n3\n", "4\n", "y\n"]);
}

#[test]
fn a_directory_with_visible_files_is_refused_unless_they_are_to_be_kept() {
    let dir = tempdir().unwrap();
    let sink = FileSink::<u64>::json(dir.path());
    write(dir.path().join("_hidden/part-0.jsonl"), "");
    write(dir.path().join(".part.inprogress"), "");
    drop(writer(&sink));

    let old = write(dir.path().join("bucket/part-0.jsonl"), "1\n");
    let error = sink.writer(place()).map(drop).unwrap_err().to_string();
    assert!(error.contains(&old.display().to_string()) && error.contains("Existing::Keep"), "{error}");
    // What a restarted job finds is its own, and so is what one finds that goes on from a snapshot.
    assert!(sink.writer(SinkContext { attempt: 1, ..place() }).is_ok());
    assert!(sink.writer(SinkContext { restored: true, ..place() }).is_ok());

    let sink = sink.existing(Existing::Keep);
    let mut writer = writer(&sink);
    put(&mut writer, untimed([2]));
    commit(&sink, writer);
    let mut all = values(&FileSource::json_lines::<u64>(dir.path()));
    all.sort_unstable();
    assert_eq!(all, [1, 2]);
}

#[test]
fn what_was_written_and_not_committed_is_removed() {
    let dir = tempdir().unwrap();
    let sink = FileSink::json(dir.path()).roll(RollingPolicy { max_bytes: 4, ..RollingPolicy::default() });
    let mut failing = writer(&sink);
    put(&mut failing, untimed([100, 200, 300]));
    let prepared = failing.prepare_commit().unwrap();
    put(&mut failing, untimed([1000, 20]));
    drop(failing);
    assert_eq!(files(dir.path()).len(), prepared.len());
    sink.committer().unwrap().abort(prepared).unwrap();
    assert!(files(dir.path()).is_empty());
}

/// A start of the job whose writer is at [`place`].
fn recovery() -> RecoverContext {
    let SinkContext { job, run, sink, .. } = place();
    RecoverContext { job, run, sink, attempt: 0, restored: true, checkpoint_interval: None }
}

/// The numbers in all visible files, sorted.
fn numbers(directory: &Path) -> Vec<u64> {
    let mut all = values(&FileSource::json_lines::<u64>(directory));
    all.sort_unstable();
    all
}

/// Writes parts with one number each from 0, some in buckets, and is killed while it writes more.
fn killed(sink: &FileSink<u64>, parts: u64) -> Vec<FilePart> {
    let mut writer = writer(sink);
    put(&mut writer, untimed(0..parts));
    let prepared = writer.prepare_commit().unwrap();
    assert_eq!(prepared.len() as u64, parts);
    put(&mut writer, untimed([100, 101]));
    writer.prepare_commit().unwrap();
    put(&mut writer, untimed([102]));
    std::mem::forget(writer);
    prepared
}

#[test]
fn a_commit_goes_on_after_a_crash_at_every_rename_and_every_removal() {
    const PARTS: u64 = 5;
    for renamed in 0..=PARTS as usize {
        for (moved, removed) in [(0, 0), (0, 1), (renamed / 2, 2), (renamed, 3)] {
            let dir = tempdir().unwrap();
            let every = RollingPolicy { max_bytes: 1, ..RollingPolicy::default() };
            let sink =
                FileSink::json(dir.path().join("out")).roll(every).bucket_by(|number, _| format!("{}", number % 2));
            let parts = killed(&sink, PARTS);
            sink.committer().unwrap().commit(parts[..renamed].to_vec()).unwrap();
            let leftovers: Vec<_> = files(dir.path()).into_iter().filter(|file| !parts_hold(&parts, file)).collect();
            assert_eq!(leftovers.len(), 3);
            leftovers[..removed].iter().for_each(|file| fs::remove_file(dir.path().join(file)).unwrap());
            // A reader takes some of what it sees.
            for (number, file) in visible(dir.path()).iter().take(moved).enumerate() {
                let taken = dir.path().join("taken").join(number.to_string());
                fs::create_dir_all(taken.parent().unwrap()).unwrap();
                fs::rename(dir.path().join(file), taken).unwrap();
            }
            let when = format!("{renamed} renamed, {moved} moved away, {removed} removed");
            for _ in 0..2 {
                sink.committer().unwrap().recover(recovery(), parts.clone()).unwrap();
                assert_eq!(numbers(dir.path()), (0..PARTS).collect::<Vec<_>>(), "{when}");
                assert_eq!(files(dir.path()), visible(dir.path()), "{when}");
            }
        }
    }
}

/// Whether the file is one of the parts, by either of its names.
fn parts_hold(parts: &[FilePart], file: &str) -> bool {
    let parts = serde_json::to_string(parts).unwrap();
    parts.contains(&format!("\"{}\"", file.rsplit('/').next().unwrap()))
}

#[test]
fn a_bucket_that_was_taken_away_as_a_whole_does_not_hinder_recovery() {
    let dir = tempdir().unwrap();
    let sink = FileSink::json(dir.path()).bucket_by(|number: &u64, _| format!("{number}"));
    let mut writer = writer(&sink);
    put(&mut writer, untimed([1, 2]));
    let parts = writer.prepare_commit().unwrap();
    sink.committer().unwrap().commit(parts.clone()).unwrap();
    fs::remove_dir_all(dir.path().join("1")).unwrap();
    sink.committer().unwrap().recover(recovery(), parts.clone()).unwrap();
    assert_eq!(numbers(dir.path()), [2]);
    // Without a restart nobody can have had the time.
    assert!(sink.committer().unwrap().commit(parts).is_err());
}

#[test]
fn recovery_needs_no_directory_and_touches_no_file_of_others() {
    let dir = tempdir().unwrap();
    let sink = FileSink::<u64>::json(dir.path().join("out"));
    sink.committer().unwrap().recover(recovery(), Vec::new()).unwrap();
    let others = ["out/part-0", "out/.part-0.inprogress", "out/_x/.part.inprogress", "out/b/.notes"];
    others.iter().for_each(|name| drop(write(dir.path().join(name), "")));
    sink.committer().unwrap().recover(recovery(), Vec::new()).unwrap();
    assert_eq!(files(dir.path()).len(), others.len());
}

#[test]
fn a_part_that_is_lost_is_an_error_and_not_passed_over() {
    let dir = tempdir().unwrap();
    let sink = FileSink::json(dir.path());
    let mut writer = writer(&sink);
    put(&mut writer, untimed([1]));
    let prepared = writer.prepare_commit().unwrap();
    fs::remove_file(dir.path().join(files(dir.path()).remove(0))).unwrap();
    let error = sink.committer().unwrap().commit(prepared).unwrap_err().to_string();
    assert!(error.contains("part-0-0-") && error.contains("neither"), "{error}");
}

#[test]
fn a_record_that_cannot_be_encoded_names_the_file_and_the_reason() {
    let dir = tempdir().unwrap();
    let sink = FileSink::json(dir.path());
    let mut batch = millstream::channel::Batch::new();
    // A map whose keys are not strings is no JSON.
    batch.push(std::collections::BTreeMap::from([((1, 2), 3)]));
    let error = writer(&sink).write(&mut batch.consume()).unwrap_err().to_string();
    assert!(error.contains("part-0-0-") && error.contains("key must be a string"), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempdir().unwrap();
    let file = write(dir.path().join("file"), "");
    let error = FileSink::<u64>::json(file.join("below")).writer(place()).map(drop).unwrap_err().to_string();
    assert!(error.contains("cannot create directory") && error.contains("file/below"), "{error}");
}

#[test]
fn more_buckets_than_files_may_be_open_lose_nothing() {
    let dir = tempdir().unwrap();
    let sink = FileSink::json(dir.path()).bucket_by(|number: &u64, _| format!("{}", number % 400));
    let mut writer = writer(&sink);
    put(&mut writer, untimed(0..800));
    commit(&sink, writer);
    let mut all = values(&FileSource::json_lines::<u64>(dir.path()));
    all.sort_unstable();
    assert_eq!(all, (0..800).collect::<Vec<_>>());
}
