//! Adds up the records of a key in front of an exchange, so that a key with very many records costs its owner little.
//!
//! A small table holds the partial sums of some keys, per pane where windows follow. It is emptied, in the order in which
//! the sums were begun, when it is full, when it has grown old, before event time goes on, and when there is nothing
//! else to do. What always holds: a partial sum is emitted before any watermark that has come after its records, so behind
//! it no record is late that would not have been. What is in the table is part of a snapshot; since the sums are of any
//! keys, they are dealt out anew when it is restored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::KeySelector;
use super::partial::Partial;
use crate::channel::Batch;
use crate::data::Key;
use crate::operator::{Aggregate, Operator, Output, Progress, Signal};
use crate::state::{KeyIndex, OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::time::Timestamp;
use crate::window::{Grid, no_event_time};

/// The list section of a snapshot.
const PARTIALS: &str = "partials";

/// The keys of a table that has been emptied keep their numbers, unless there are so many times more than it may hold.
const KEYS_PER_PARTIAL: usize = 4;

/// How long partial sums are held back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalSettings {
    /// So many at a time, at least one.
    pub(crate) max_partials: usize,
    /// In processing time.
    pub(crate) max_age: Duration,
}

/// A partial sum in the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held<K, A> {
    key: K,
    acc: A,
    /// The highest event time of its records.
    time: Timestamp,
    /// Where its pane starts, if there are windows.
    pane: i64,
}

/// Adds records up by key and pane.
pub(crate) struct LocalAggregate<K: Key, A: Aggregate> {
    aggregate: A,
    selector: Arc<dyn KeySelector<A::In, K>>,
    settings: LocalSettings,
    /// The windows that follow.
    grid: Option<Grid>,
    keys: KeyIndex<K>,
    /// By the number of a key, its latest sum: one more than its index in `held`, zero for none.
    latest: Vec<u32>,
    held: Vec<Option<Held<K, A::Acc>>>,
    /// How many of `held` have been emitted.
    emitted: usize,
    /// When the table is emptied at the latest, in processing time.
    due: Timestamp,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
}

impl<K: Key, A: Aggregate> LocalAggregate<K, A> {
    pub(crate) fn new(
        aggregate: A,
        selector: Arc<dyn KeySelector<A::In, K>>,
        settings: LocalSettings,
        grid: Option<Grid>,
    ) -> Self {
        Self {
            aggregate,
            selector,
            settings,
            grid,
            keys: KeyIndex::default(),
            latest: Vec::new(),
            held: Vec::new(),
            emitted: 0,
            due: Timestamp::MAX,
            resolved: Vec::new(),
        }
    }

    /// Emits all partial sums; goes on where a full output has stopped it.
    fn empty(&mut self, out: &mut Output<Partial<K, A::Acc>>) -> Progress {
        if self.held.is_empty() {
            return Ok(());
        }
        while let Some(held) = self.held.get_mut(self.emitted) {
            out.relieve()?;
            if let Some(Held { key, acc, time, .. }) = held.take() {
                out.collector.emit_at(Partial { key, acc }, time);
            }
            self.emitted += 1;
        }
        self.held.clear();
        self.emitted = 0;
        self.due = Timestamp::MAX;
        if self.keys.row_count() > KEYS_PER_PARTIAL * self.settings.max_partials {
            self.keys = KeyIndex::default();
            self.latest.clear();
        }
        self.latest.fill(0);
        Ok(())
    }

    /// Adds records up until the table is full.
    fn add(&mut self, input: &mut Batch<A::In>) -> Progress {
        let mut records = input.consume();
        while self.held.len() < self.settings.max_partials {
            let Some(value) = records.next_value() else { break };
            let row = self.resolved[records.index()];
            let time = records.time();
            let pane = match &self.grid {
                None => 0,
                Some(_) if !time.is_set() => return Err(no_event_time(records.site())),
                Some(grid) => grid.span(time.as_millis()).start,
            };
            let latest = &mut self.latest[row as usize];
            let held = match *latest {
                0 => None,
                index => self.held[index as usize - 1].as_mut().filter(|held| held.pane == pane),
            };
            match held {
                Some(held) => {
                    held.time = held.time.max(time);
                    self.aggregate.add(&mut held.acc, value);
                }
                None => {
                    let mut acc = self.aggregate.create();
                    self.aggregate.add(&mut acc, value);
                    self.held.push(Some(Held { key: self.keys.key(row).clone(), acc, time, pane }));
                    *latest = self.held.len() as u32;
                }
            }
        }
        Ok(())
    }
}

impl<K: Key, A: Aggregate> Operator for LocalAggregate<K, A> {
    type In = A::In;
    type Out = Partial<K, A::Acc>;

    fn open(&mut self, out: &mut Output<Self::Out>) -> Progress {
        // What was restored is older than it may be.
        if !self.held.is_empty() {
            self.due = out.task.clock.now();
            out.task.wake_at(self.due);
        }
        Ok(())
    }

    fn process(&mut self, input: &mut Batch<A::In>, out: &mut Output<Self::Out>) -> Progress {
        out.collector.forget_record();
        while !input.is_empty() {
            if self.emitted > 0 || self.held.len() >= self.settings.max_partials {
                self.empty(out)?;
            }
            // Behind an exchange the hashes are those by which records were spread.
            self.selector.hash(input);
            self.selector.resolve(input, &mut self.keys, &mut self.resolved);
            self.latest.resize(self.keys.row_count(), 0);
            self.add(input)?;
        }
        if self.due == Timestamp::MAX && !self.held.is_empty() {
            self.due = out.task.clock.now().saturating_add(self.settings.max_age);
            out.task.wake_at(self.due);
        }
        Ok(())
    }

    fn watermark(&mut self, _watermark: Timestamp, out: &mut Output<Self::Out>) -> Progress {
        self.empty(out)
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<Self::Out>) -> Progress {
        if self.due <= now {
            self.empty(out)?;
        } else if self.due < Timestamp::MAX {
            out.task.wake_at(self.due);
        }
        Ok(())
    }

    fn other(&mut self, signal: &Signal, out: &mut Output<Self::Out>) -> Progress {
        match signal {
            Signal::Flush => self.empty(out),
            _ => Ok(()),
        }
    }

    fn end(&mut self, out: &mut Output<Self::Out>) -> Progress {
        self.empty(out)
    }

    fn snapshot(&mut self, _out: &Output<Self::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        let held: Vec<Held<K, A::Acc>> = self.held.iter().flatten().cloned().collect();
        to.defer_list(PARTIALS, Arc::new(held));
        Ok(())
    }

    fn restore(&mut self, out: &Output<Self::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        let (subtask, parallelism) = (out.task.info.subtask, out.task.info.parallelism);
        self.held = from.share_of_list(PARTIALS, subtask, parallelism)?.into_iter().map(Some).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::OwnedKey;
    use super::*;
    use crate::state::TaskSnapshot;
    use crate::window::driver::Driver;

    /// Adds up the second of two numbers.
    #[derive(Clone)]
    struct Sum;

    impl Aggregate for Sum {
        type In = (u8, u64);
        type Acc = u64;
        type Out = u64;

        fn create(&self) -> u64 {
            0
        }

        fn add(&self, sum: &mut u64, (_, number): (u8, u64)) {
            *sum += number;
        }

        fn merge(&self, sum: &mut u64, other: u64) {
            *sum += other;
        }

        fn result(&self, sum: &u64) -> u64 {
            *sum
        }
    }

    type Subtasks = Vec<Driver<(u8, u64), Partial<u8, u64>>>;

    const PANE: i64 = 10;

    fn subtasks(max_partials: usize, parallelism: usize, from: Option<&TaskSnapshot>) -> Subtasks {
        let subtask = |subtask| {
            let settings = LocalSettings { max_partials, max_age: Duration::from_secs(1) };
            let selector = Arc::new(OwnedKey(|(key, _): &(u8, u64)| *key));
            let local = LocalAggregate::new(Sum, selector, settings, Some(Grid::new(PANE, PANE, 0)));
            let mut driver = Driver::new(local, (subtask, parallelism), None);
            driver.results.borrow_mut().refuse_every = 2;
            from.into_iter().for_each(|snapshot| driver.restore(snapshot));
            driver.open();
            driver
        };
        (0..parallelism).map(subtask).collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Records(Vec<(u8, i64)>),
        Watermark,
        Restore(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let records = prop::collection::vec((0u8..9, 0i64..40), 1..30);
        let step = prop_oneof![
            4 => records.prop_map(Step::Records),
            1 => Just(Step::Watermark),
            2 => (1usize..4).prop_map(Step::Restore),
        ];
        prop::collection::vec(step, 1..12)
    }

    proptest! {
        /// Between watermarks nothing but a full table and a snapshot is met.
        #[test]
        fn what_goes_in_comes_out_in_its_pane_before_the_next_watermark(steps in steps(), max_partials in 1usize..8) {
            let mut subtasks = subtasks(max_partials, 1, None);
            let mut owed: BTreeMap<(u8, i64), u64> = BTreeMap::new();
            for (number, step) in (1u64..).zip(steps.into_iter().chain([Step::Watermark])) {
                match &step {
                    Step::Records(records) => {
                        for (key, time) in records {
                            *owed.entry((*key, time / PANE)).or_default() += number;
                        }
                        let count = subtasks.len();
                        let records = records.iter().map(|(key, time)| ((*key, number), *time));
                        subtasks[number as usize % count].push(records);
                    }
                    Step::Watermark => subtasks.iter_mut().for_each(|driver| driver.watermark(number as i64)),
                    Step::Restore(_) => {}
                }
                for (partial, time) in subtasks.iter_mut().flat_map(Driver::take) {
                    *owed.get_mut(&(partial.key, time / PANE)).unwrap() -= partial.acc;
                }
                match step {
                    Step::Watermark => prop_assert!(owed.values().all(|sum| *sum == 0), "{owed:?}"),
                    Step::Restore(parallelism) => {
                        let snapshot = TaskSnapshot::merge(subtasks.iter_mut().map(Driver::snapshot));
                        subtasks = super::tests::subtasks(max_partials, parallelism, Some(&snapshot));
                    }
                    Step::Records(_) => {}
                }
            }
        }
    }
}
