//! What watermarks do to windows: which records are late, and when results come.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream::connector::{
    Assignment, Boundedness, CollectionSource, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source,
    SourceError, Split,
};
use millstream::prelude::*;
use millstream::testing::Harness;
use millstream::window::Tumbling;
use serde::{Deserialize, Serialize};

const LATE: OutputTag<i64> = OutputTag::new("late");

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The records of each window of 100 ms, and those that came too late for theirs.
fn windows(records: Stream<i64>) -> Stream<String> {
    let windows = records
        .key_by_owned(|_| 0u8)
        .window(Tumbling::of(millis(100)))
        .late_output(LATE)
        .process(|_, window, records, out| out.emit(format!("{} {records:?}", window.start().as_millis())));
    let late = windows.side_output(LATE).map(|record| format!("late {record}"));
    windows.union([late])
}

/// A watermark after each record that is a multiple of 100.
fn punctuated() -> WatermarkStrategy<i64> {
    WatermarkStrategy::punctuated(|value: &i64, time| (value % 100 == 0).then_some(time)).timestamps(|value| at(*value))
}

#[test]
fn whether_a_record_is_late_does_not_depend_on_the_batches() {
    let records = [10, 60, 100, 20, 120, 200, 150, 199, 201, 300, 250];
    let expected = ["0 [10, 60]", "100 [100, 120]", "200 [200, 201]", "300 [300]"];
    let late = ["late 150", "late 199", "late 20", "late 250"];
    for size in 1..=records.len() {
        let mut harness = Harness::new(|records: Stream<i64>| windows(records.watermarks(punctuated())));
        for batch in records.chunks(size) {
            batch.iter().for_each(|record| harness.push(*record));
            harness.settle();
        }
        harness.end();
        let mut output = harness.output();
        output.sort();
        assert_eq!(output, [&expected[..], &late[..]].concat(), "batches of {size}");
    }
}

#[test]
fn in_a_job_of_many_batches_too_each_record_is_late_or_not_by_itself() {
    // Each hundredth record lets time pass; the one after it is late by design.
    let records: Vec<i64> =
        (0..20_000).map(|number| if number % 100 == 1 { number - 50 } else { number }).filter(|n| *n >= 0).collect();
    for parallelism in [1, 3] {
        let env = Environment::new("late");
        env.set_parallelism(parallelism);
        let source = env.from_collection(records.clone()).parallelism(1).watermarks(punctuated()).parallelism(1);
        let output = windows(source).collect();
        env.execute().unwrap();
        let output = output.take();
        let late: Vec<&String> = output.iter().filter(|line| line.starts_with("late")).collect();
        assert_eq!(late.len(), 199, "{late:?}");
        assert_eq!(output.len(), 200 + 199);
    }
}

#[test]
fn a_periodic_watermark_fires_windows_when_the_clock_says_so() {
    let strategy =
        || WatermarkStrategy::monotonous().timestamps(|value: &i64| at(*value)).interval(Duration::from_secs(1));
    let mut harness = Harness::new(|records: Stream<i64>| windows(records.watermarks(strategy())));
    harness.push(50);
    harness.push(100);
    harness.push(101);
    assert_eq!(harness.output(), [""; 0]);
    harness.advance_processing_time(at(999));
    assert_eq!(harness.output(), [""; 0]);
    harness.advance_processing_time(at(1000));
    assert_eq!(harness.output(), ["0 [50]"]);
    harness.push(99);
    assert_eq!(harness.output(), ["late 99"]);
}

#[test]
fn watermarks_behind_an_exchange_are_those_of_all_that_came_in() {
    let job = |records: Stream<i64>| {
        let strategy = WatermarkStrategy::monotonous().timestamps(|value: &i64| at(*value));
        windows(records.rebalance().watermarks(strategy))
    };
    let mut harness = Harness::with_parallelism(job, 2);
    [10, 20, 150, 160].into_iter().for_each(|record| harness.push(record));
    harness.advance_processing_time(at(200));
    assert_eq!(harness.output().len(), 1, "both subtasks have seen a record beyond the first window");
    harness.end();
    assert_eq!(harness.output().len(), 1);
}

#[test]
fn event_times_of_the_source_are_kept_if_the_strategy_names_none() {
    let env = Environment::new("timestamped");
    let records = [(1, at(50)), (2, at(150)), (3, at(99))];
    let source = env.source(CollectionSource::timestamped(records.to_vec()));
    let output = windows(source.watermarks(WatermarkStrategy::monotonous())).collect();
    env.execute().unwrap();
    assert_eq!(output.take_sorted(), ["0 [1, 3]", "100 [2]"]);
}

/// A split of records, with the number of those that have been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    id: String,
    records: Vec<i64>,
    read: usize,
}

impl Split for Part {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Hands all its splits to one reader, which reads them one after another.
struct Parts(Vec<Part>);

impl Source for Parts {
    type Out = i64;
    type Split = Part;
    type Enumerator = HandOut;
    type Reader = OneByOne;

    fn name(&self) -> String {
        "parts".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(&self, _: Option<Vec<Part>>) -> Result<HandOut, SourceError> {
        Ok(HandOut(self.0.clone()))
    }

    fn reader(&self, _: ReaderContext) -> Result<OneByOne, SourceError> {
        Ok(OneByOne(VecDeque::new()))
    }
}

struct HandOut(Vec<Part>);

impl Enumerator for HandOut {
    type Split = Part;
    type State = Vec<Part>;

    fn discover(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn next(&mut self, _: &ReaderContext) -> Assignment<Part> {
        match std::mem::take(&mut self.0) {
            parts if parts.is_empty() => Assignment::End,
            parts => Assignment::Splits(parts),
        }
    }

    fn give_back(&mut self, parts: Vec<Part>) {
        self.0.extend(parts);
    }

    fn snapshot(&self) -> Vec<Part> {
        self.0.clone()
    }
}

struct OneByOne(VecDeque<Part>);

impl Reader for OneByOne {
    type Out = i64;
    type Split = Part;

    fn add(&mut self, part: Part) -> Result<(), SourceError> {
        self.0.push_back(part);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<i64>) -> Result<Read, SourceError> {
        let Some(part) = self.0.front_mut() else { return Ok(Read::NoSplits) };
        let id: Arc<str> = part.id.as_str().into();
        match part.records.get(part.read) {
            Some(record) => {
                part.read += 1;
                out.push(*record);
                Ok(Read::From(id))
            }
            None => {
                self.0.pop_front();
                Ok(Read::EndOf(id))
            }
        }
    }

    fn position(&self, split: &str) -> Option<Part> {
        self.0.iter().find(|part| part.id == split).cloned()
    }
}

#[test]
fn records_of_a_split_are_not_late_because_another_was_read_first() {
    let part = |id: &str, records: &[i64]| Part { id: id.to_owned(), records: records.to_vec(), read: 0 };
    let env = Environment::new("parts");
    let parts = Parts(vec![part("newer", &[500, 600, 700]), part("older", &[10, 100, 200])]);
    let output = windows(env.source(parts).watermarks(punctuated())).collect();
    env.execute().unwrap();
    let late: Vec<String> = output.take().into_iter().filter(|line| line.starts_with("late")).collect();
    assert_eq!(late, [""; 0]);
}
