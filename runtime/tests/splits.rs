//! Splits that a snapshot finds not handed out yet.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millstream::connector::{
    Assignment, Boundedness, CollectSink, Enumerator, GeneratorSource, Read, ReadBuffer, Reader, ReaderContext, Source,
    SourceError,
};
use millstream::prelude::*;
use millstream::testing::MiniCluster;
use millstream::window::Tumbling;

type Numbers = GeneratorSource<u64>;
type Splits = <Numbers as Source>::Enumerator;

const RECORDS: u64 = 100_000;

/// Numbers, of which nothing is read and only the first reader gets splits before it is opened.
#[derive(Clone)]
struct Reluctant {
    numbers: Numbers,
    door: Arc<Door>,
}

#[derive(Default)]
struct Door {
    is_open: AtomicBool,
    /// Whether a reader has got a split.
    has_given: AtomicBool,
}

struct ReluctantEnumerator(Splits, Arc<Door>);

struct ReluctantReader(<Numbers as Source>::Reader, Arc<Door>);

impl Source for Reluctant {
    type Out = u64;
    type Split = <Numbers as Source>::Split;
    type Enumerator = ReluctantEnumerator;
    type Reader = ReluctantReader;

    fn name(&self) -> String {
        self.numbers.name()
    }

    fn boundedness(&self) -> Boundedness {
        self.numbers.boundedness()
    }

    fn may_block(&self) -> bool {
        self.numbers.may_block()
    }

    fn assigns_ahead(&self) -> bool {
        self.numbers.assigns_ahead()
    }

    fn enumerator(&self, restored: Option<<Splits as Enumerator>::State>) -> Result<ReluctantEnumerator, SourceError> {
        Ok(ReluctantEnumerator(self.numbers.enumerator(restored)?, Arc::clone(&self.door)))
    }

    fn reader(&self, ctx: ReaderContext) -> Result<ReluctantReader, SourceError> {
        Ok(ReluctantReader(self.numbers.reader(ctx)?, Arc::clone(&self.door)))
    }
}

impl Enumerator for ReluctantEnumerator {
    type Split = <Splits as Enumerator>::Split;
    type State = <Splits as Enumerator>::State;

    fn discover(&mut self) -> Result<(), SourceError> {
        self.0.discover()
    }

    fn next(&mut self, reader: &ReaderContext) -> Assignment<Self::Split> {
        let is_let_in = self.1.is_open.load(Ordering::Relaxed) || reader.subtask == 0;
        if is_let_in { self.0.next(reader) } else { Assignment::Later }
    }

    fn give_back(&mut self, splits: Vec<Self::Split>) {
        self.0.give_back(splits);
    }

    fn snapshot(&self) -> Self::State {
        self.0.snapshot()
    }
}

impl Reader for ReluctantReader {
    type Out = u64;
    type Split = <Numbers as Source>::Split;

    fn add(&mut self, split: Self::Split) -> Result<(), SourceError> {
        self.1.has_given.store(true, Ordering::Relaxed);
        self.0.add(split)
    }

    fn read(&mut self, out: &mut ReadBuffer<u64>) -> Result<Read, SourceError> {
        if self.1.is_open.load(Ordering::Relaxed) {
            self.0.read(out)
        } else {
            Ok(Read::Paused(Duration::from_millis(1)))
        }
    }

    fn position(&self, split: &str) -> Option<Self::Split> {
        self.0.position(split)
    }
}

#[test]
fn splits_that_had_not_been_handed_out_are_read_side_by_side_with_those_that_had() {
    let source = Reluctant { numbers: GeneratorSource::new(RECORDS, |n| n), door: Arc::default() };
    let door = Arc::clone(&source.door);
    let (sink, output) = CollectSink::new();
    let cluster = MiniCluster::new(move |env| {
        let every_100 = WatermarkStrategy::punctuated(|n: &u64, at| n.is_multiple_of(100).then_some(at));
        let by_number = every_100.timestamps(|n: &u64| Timestamp::from_millis(*n as i64));
        let numbers = env.source(source.clone()).uid("numbers").watermarks(by_number).uid("watermarks");
        let windows = numbers.key_by_owned(|n| n % 7).window(Tumbling::of(Duration::from_secs(1)));
        windows.count().uid("counts").sink(sink.clone()).uid("out");
    });
    cluster.set_parallelism(3);
    let running = cluster.start().unwrap();
    while !door.has_given.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    // The first may have begun before the split was given.
    let completed = running.checkpoints().counts().completed;
    assert!(running.wait_for_checkpoints(completed + 2));
    running.kill();

    door.is_open.store(true, Ordering::Relaxed);
    cluster.set_parallelism(1);
    let summary = cluster.resume().unwrap().join().unwrap();
    assert_eq!((summary.records_read, summary.late_dropped), (RECORDS, 0));
    assert_eq!(output.take().iter().map(|(_, count)| count).sum::<u64>(), RECORDS);
}
