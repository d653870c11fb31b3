//! What connectors are told of checkpoints: readers of their own positions, writers of output that no restart will ask for.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::sync::{Arc, Mutex};

use common::within_a_minute;
use millstream::channel::batch::Consume;
use millstream::connector::{
    Boundedness, Committer, DiscardSink, Enumerator, GeneratorSource, Guarantee, Read, ReadBuffer, Reader,
    ReaderContext, RecoverContext, Sink, SinkContext, SinkError, SinkWriter, Source, SourceError, Split,
};
use millstream::prelude::*;
use millstream::testing::{Fault, FaultPoint, Faults, MiniCluster};

/// What the sink's parts have been told, and have done.
#[derive(Debug, Default)]
struct Log {
    /// How many calls each writer has described output in.
    calls: Vec<u64>,
    /// How many calls of each writer are released.
    released: Vec<u64>,
    /// Committed calls, as writer and number.
    committed: Vec<(usize, u64)>,
}

#[derive(Clone, Default)]
struct Watching(Arc<Mutex<Log>>);

struct WatchingPart {
    log: Arc<Mutex<Log>>,
    /// Which of all writers of all attempts it is.
    number: usize,
}

impl Sink for Watching {
    type In = u64;
    type Committable = (usize, u64);
    type Writer = WatchingPart;
    type Committer = WatchingPart;

    fn name(&self) -> String {
        "watching".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, _ctx: SinkContext) -> Result<WatchingPart, SinkError> {
        let mut log = self.0.lock().unwrap();
        log.calls.push(0);
        log.released.push(0);
        Ok(WatchingPart { log: Arc::clone(&self.0), number: log.calls.len() - 1 })
    }

    fn committer(&self) -> Result<WatchingPart, SinkError> {
        Ok(WatchingPart { log: Arc::clone(&self.0), number: 0 })
    }
}

impl SinkWriter for WatchingPart {
    type In = u64;
    type Committable = (usize, u64);

    fn write(&mut self, records: &mut Consume<'_, u64>) -> Result<(), SinkError> {
        records.for_each(drop);
        Ok(())
    }

    fn released(&mut self, calls: u64) {
        let mut log = self.log.lock().unwrap();
        assert!(log.released[self.number] <= calls && calls <= log.calls[self.number], "{calls} calls");
        let committed = |call| log.committed.contains(&(self.number, call));
        assert!((0..calls).all(committed), "not all of {calls} calls are committed: {log:?}");
        log.released[self.number] = calls;
    }

    fn prepare_commit(&mut self) -> Result<Vec<(usize, u64)>, SinkError> {
        let mut log = self.log.lock().unwrap();
        log.calls[self.number] += 1;
        Ok(vec![(self.number, log.calls[self.number] - 1)])
    }
}

impl Committer for WatchingPart {
    type Committable = (usize, u64);

    fn commit(&mut self, committables: Vec<(usize, u64)>) -> Result<(), SinkError> {
        self.log.lock().unwrap().committed.extend(committables);
        Ok(())
    }

    fn recover(&mut self, _ctx: RecoverContext, restored: Vec<(usize, u64)>) -> Result<(), SinkError> {
        {
            let log = self.log.lock().unwrap();
            let asked = restored.iter().find(|(writer, call)| *call < log.released[*writer]);
            assert!(asked.is_none(), "released, and restored all the same: {asked:?} in {log:?}");
        }
        self.commit(restored)
    }
}

#[test]
fn what_is_released_is_committed_and_no_restart_asks_for_it() {
    within_a_minute(|| {
        let points = [FaultPoint::PointerWritten, FaultPoint::Commit, FaultPoint::SinkCommitted, FaultPoint::StorePart];
        for (point, fault) in points.into_iter().flat_map(|point| [(point, Fault::Fail), (point, Fault::Die)]) {
            let (sink, faults) = (Watching::default(), Faults::new().at(point, 7, fault));
            let watched = Arc::clone(&sink.0);
            let cluster = MiniCluster::new(move |env| {
                let numbers = env.source(GeneratorSource::new(None, |n| n).rate(10_000.0)).uid("numbers");
                numbers.sink(sink.clone()).uid("out");
            })
            .checkpointing(|settings| settings.max_concurrent(3))
            .faults(&faults);
            let first = cluster.start().unwrap();
            first.wait_for_checkpoints(12);
            // A savepoint commits nothing, so what it describes is not released by it.
            let _ = first.savepoint();
            first.kill();
            let second = cluster.resume().unwrap();
            assert!(second.wait_for_checkpoints(8));
            second.stop_with_savepoint().unwrap();
            let Log { calls, released, mut committed } = std::mem::take(&mut *watched.lock().unwrap());
            let released: u64 = released.iter().sum();
            assert!(released > 5, "{released} of {calls:?} calls are released");
            // Each commit may repeat what those under way with it commit, and a restart what its snapshot describes.
            let total = committed.len();
            committed.sort_unstable();
            committed.dedup();
            assert!(total <= 4 * committed.len() + 20, "{total} commits of {} pieces of output", committed.len());
        }
    });
}

/// Numbers, whose reader notes the positions that it is told to be part of complete snapshots.
#[derive(Clone)]
struct Noting {
    numbers: GeneratorSource<u64>,
    told: Arc<Mutex<Vec<Vec<String>>>>,
}

struct NotingReader<R> {
    reader: R,
    told: Arc<Mutex<Vec<Vec<String>>>>,
}

type Inner = GeneratorSource<u64>;

impl Source for Noting {
    type Out = u64;
    type Split = <Inner as Source>::Split;
    type Enumerator = <Inner as Source>::Enumerator;
    type Reader = NotingReader<<Inner as Source>::Reader>;

    fn name(&self) -> String {
        "noting".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn enumerator(
        &self,
        restored: Option<<Self::Enumerator as Enumerator>::State>,
    ) -> Result<Self::Enumerator, SourceError> {
        self.numbers.enumerator(restored)
    }

    fn reader(&self, ctx: ReaderContext) -> Result<Self::Reader, SourceError> {
        Ok(NotingReader { reader: self.numbers.reader(ctx)?, told: Arc::clone(&self.told) })
    }
}

impl<R: Reader> Reader for NotingReader<R> {
    type Out = R::Out;
    type Split = R::Split;

    fn add(&mut self, split: R::Split) -> Result<(), SourceError> {
        self.reader.add(split)
    }

    fn read(&mut self, out: &mut ReadBuffer<R::Out>) -> Result<Read, SourceError> {
        out.clear();
        self.reader.read(out)
    }

    fn position(&self, split: &str) -> Option<R::Split> {
        self.reader.position(split)
    }

    fn completed(&mut self, positions: Vec<R::Split>) {
        let ids = positions.iter().map(|split| split.id().to_owned()).collect();
        self.told.lock().unwrap().push(ids);
    }
}

#[test]
fn a_reader_is_told_of_its_positions_in_complete_snapshots() {
    within_a_minute(|| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let source = Noting { numbers: GeneratorSource::new(None, |n| n), told: Arc::clone(&told) };
        let cluster = MiniCluster::new(move |env| {
            env.source(source.clone()).uid("numbers").sink(DiscardSink::new()).uid("out");
        });
        let running = cluster.start().unwrap();
        assert!(running.wait_for_checkpoints(5));
        running.stop_with_savepoint().unwrap();
        let told = told.lock().unwrap();
        assert!(!told.is_empty() && told.iter().skip(1).all(|ids| ids == &["0 of 1"]), "{told:?}");
    });
}
