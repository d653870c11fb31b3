//! What tests of joins share: subtasks of an operator with two inputs, and results that fill batches fast.

use serde::{Deserialize, Serialize};

use crate::channel::Batch;
use crate::channel::hash::stable_hash;
use crate::operator::{Either, Operator, Output, Progress, TwoInputOperator};
use crate::state::{KeyGroup, OperatorCapture, OperatorSnapshot, StateError, TaskSnapshot};
use crate::time::Timestamp;
use crate::window::driver::Driver;

/// A key and the record's number.
pub(super) type Item = (u64, u64);
/// A record of either side.
pub(super) type Record = Either<Item, Item>;
/// The numbers of the left and of the right record, and the result's event time.
pub(crate) type Paired = (u64, u64, i64);

/// The drivers' number of key groups.
const GROUPS: usize = 16;

/// A pair so large that few fill a batch, so that outputs block in the midst of a record.
#[derive(Clone)]
pub(super) struct Fat {
    left: u64,
    right: u64,
    _ballast: [u8; 60_000],
}

impl Fat {
    pub(super) fn new(left: u64, right: u64) -> Self {
        Self { left, right, _ballast: [0; 60_000] }
    }
}

impl Serialize for Fat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.left, self.right).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (left, right) = Deserialize::deserialize(deserializer)?;
        Ok(Self::new(left, right))
    }
}

/// Both inputs of an operator as one, whose batches are cut where the side changes.
pub(super) struct Merged<O>(pub(super) O);

/// Takes a record of one side apart, and puts it together again.
type Part<O, T> = (fn(In<O>) -> Option<T>, fn(T) -> In<O>);

/// A record of both sides.
type In<O> = Either<<O as Operator>::In, <O as TwoInputOperator>::Second>;

impl<O: TwoInputOperator> Merged<O> {
    fn run<T: Clone>(
        &mut self,
        input: &mut Batch<In<O>>,
        (side, wrap): Part<O, T>,
        process: fn(&mut O, &mut Batch<T>, &mut Output<O::Out>) -> Progress,
        out: &mut Output<O::Out>,
    ) -> Progress {
        let mut run = Batch::new();
        let mut rest = Batch::new();
        let mut records = input.consume();
        while let Some(value) = records.next_value() {
            let time = records.time();
            match side(value.clone()) {
                Some(value) if rest.is_empty() => run.push_at(value, time),
                _ => rest.push_at(value, time),
            }
        }
        drop(records);
        let progress = process(&mut self.0, &mut run, out);
        run.map_into(input, wrap);
        input.forget_hashes();
        input.append(&mut rest);
        progress
    }
}

impl<O: TwoInputOperator> Operator for Merged<O> {
    type In = Either<O::In, O::Second>;
    type Out = O::Out;

    fn open(&mut self, out: &mut Output<O::Out>) -> Progress {
        self.0.open(out)
    }

    fn process(&mut self, input: &mut Batch<Self::In>, out: &mut Output<O::Out>) -> Progress {
        while let Some(first) = input.values().first() {
            if first.is_left() {
                self.run(input, (Either::left, Either::Left), O::process, out)?;
            } else {
                self.run(input, (Either::right, Either::Right), O::process_second, out)?;
            }
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<O::Out>) -> Progress {
        self.0.watermark(watermark, out)
    }

    fn snapshot(&mut self, out: &Output<O::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.0.snapshot(out, to)
    }

    fn restore(&mut self, out: &Output<O::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.0.restore(out, from)
    }
}

/// The subtasks of an operator.
pub(super) struct Subtasks(pub(super) Vec<Driver<Record, Fat>>);

impl Subtasks {
    pub(super) fn new<O: Operator<In = Record, Out = Fat>>(
        operator: impl Fn() -> O,
        parallelism: usize,
        refuse_every: usize,
        snapshot: Option<&TaskSnapshot>,
    ) -> Self {
        let make = |subtask| {
            let mut driver = Driver::new(operator(), (subtask, parallelism), None);
            driver.results.borrow_mut().refuse_every = refuse_every;
            if let Some(snapshot) = snapshot {
                driver.restore(snapshot);
            }
            driver.open();
            driver
        };
        Self((0..parallelism).map(make).collect())
    }

    pub(super) fn owner(&self, key: u64) -> usize {
        KeyGroup::of_hash(stable_hash(&key), GROUPS).owner(self.0.len(), GROUPS)
    }

    /// What has come out since it was taken last, in order.
    pub(super) fn take(&mut self) -> Vec<Paired> {
        let taken = self.0.iter_mut().flat_map(Driver::take);
        let mut all: Vec<Paired> = taken.map(|(fat, time)| (fat.left, fat.right, time)).collect();
        all.sort_unstable();
        all
    }

    pub(super) fn late(&self) -> u64 {
        self.0.iter().map(|driver| driver.metrics.late_dropped.get()).sum()
    }

    /// Whether their snapshots hold no keyed state.
    pub(super) fn are_empty(&mut self) -> bool {
        self.0.iter_mut().all(|driver| {
            let snapshot = driver.snapshot();
            snapshot.get("windows").is_some_and(|part| part.keyed_sections().all(|(_, groups)| groups.is_empty()))
        })
    }
}
