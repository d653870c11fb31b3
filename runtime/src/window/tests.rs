//! The window operators against the oracle: out of order, late, through outputs that block, across restores.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::driver::Driver;
use super::fold::{ContentsFold, Folded};
use super::oracle::{Firing, KeyOracle, Shape};
use super::runner::{WindowPlan, WindowRunner};
use super::trigger::erase;
use super::{EventTimeTrigger, Session, Sliding, WindowAssigner, WindowContext};
use crate::channel::hash::stable_hash;
use crate::operator::keyed::OwnedKey;
use crate::operator::{Collector, OnError, Operator, OutputTag};
use crate::state::{KeyGroup, TaskCapture, TaskSnapshot};

/// A key and the record's number.
type Item = (u64, u64);

const LATE: OutputTag<Item> = OutputTag::new("late");
/// The drivers' number of key groups.
const GROUPS: usize = 16;

/// A result so large that few fill a batch, so that outputs block often.
#[derive(Clone)]
struct Fat {
    firing: Firing,
    _ballast: [u8; 60_000],
}

impl Serialize for Fat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.firing.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { firing: Firing::deserialize(deserializer)?, _ballast: [0; 60_000] })
    }
}

#[derive(Debug, Clone)]
struct Case {
    shape: Shape,
    /// Has the default trigger called like one of the user's.
    triggered: bool,
    lateness: i64,
    late_is_read: bool,
    refuse_every: usize,
    steps: Vec<Step>,
    /// At which step, from which parallelism to which, and how far the second half of the subtasks lags till then.
    restore: Option<(usize, usize, usize, i64)>,
}

#[derive(Debug, Clone)]
enum Step {
    Records(Vec<(u64, i64)>),
    /// By how much event time goes on.
    Watermark(i64),
}

fn operator(case: &Case) -> impl Operator<In = Item, Out = Fat> + use<> {
    let millis = |millis: i64| Duration::from_millis(millis as u64);
    let mut windows = match case.shape {
        Shape::Regular { size, slide, offset } => {
            Sliding::of(millis(size), millis(slide)).offset(millis(offset)).windows().unwrap()
        }
        Shape::Session { gap } => Session::gap(millis(gap)).windows().unwrap(),
    };
    if case.triggered {
        windows.trigger = Some(erase(EventTimeTrigger));
    }
    let plan = WindowPlan {
        windows,
        evictor: None,
        allowed_lateness: millis(case.lateness),
        late_output: Some(LATE),
        on_error: OnError::Fail,
    };
    #[expect(clippy::owned_cow, reason = "the fold's accumulator is a vector")]
    let emit = |key: &u64, records: Cow<'_, Vec<Item>>, window: &mut WindowContext<'_>, out: &mut Collector<Fat>| {
        let mut records: Vec<u64> = records.iter().map(|record| record.1).collect();
        records.sort_unstable();
        let (start, end) = (window.start().as_millis(), window.end().as_millis());
        out.emit(Fat { firing: (*key, start, end, window.revision(), records), _ballast: [0; 60_000] });
        Ok(())
    };
    let logic = Folded::new::<u64>(ContentsFold::<Item>(PhantomData), emit);
    WindowRunner::new(&plan, Arc::new(OwnedKey(|item: &Item| item.0)), logic)
}

/// The subtasks of the operator.
struct Subtasks(Vec<Driver<Item, Fat>>);

impl Subtasks {
    fn new(case: &Case, parallelism: usize, snapshot: Option<&TaskSnapshot>) -> Self {
        let make = |subtask| {
            let late = case.late_is_read.then_some(LATE);
            let mut driver = Driver::new(operator(case), (subtask, parallelism), late);
            driver.results.borrow_mut().refuse_every = case.refuse_every;
            if let Some(snapshot) = snapshot {
                driver.restore(snapshot);
            }
            driver.open();
            driver
        };
        Self((0..parallelism).map(make).collect())
    }

    fn owner(&self, key: u64) -> usize {
        KeyGroup::of_hash(stable_hash(&key), GROUPS).owner(self.0.len(), GROUPS)
    }

    fn snapshot(&mut self) -> TaskSnapshot {
        TaskSnapshot::merge(self.0.iter_mut().map(Driver::snapshot))
    }

    /// What came out, each subtask's part checked to be in order of time.
    fn take(&mut self, ordered: bool) -> Vec<Firing> {
        let mut all = Vec::new();
        for driver in &mut self.0 {
            let taken = driver.take();
            assert!(taken.iter().all(|(fat, time)| *time == fat.firing.2 - 1), "results have their window's time");
            assert!(!ordered || taken.is_sorted_by_key(|(_, time)| *time), "windows fire in order of their ends");
            all.extend(taken.into_iter().map(|(fat, _)| fat.firing));
        }
        all.sort_unstable();
        all
    }

    fn late(&self) -> (Vec<Item>, u64) {
        let read = self.0.iter().flat_map(|driver| driver.late.borrow().records.clone());
        let dropped = self.0.iter().map(|driver| driver.metrics.late_dropped.get()).sum();
        (read.map(|(item, _)| item).collect(), dropped)
    }
}

fn check(case: &Case) {
    let (restore_at, first, second, lag) = case.restore.unwrap_or((usize::MAX, 1, 1, 0));
    let mut subtasks = Subtasks::new(case, first, None);
    let mut oracles: BTreeMap<u64, KeyOracle> =
        (0..16).map(|key| (key, KeyOracle::new(key, case.shape, case.lateness))).collect();
    let mut reached = 0;
    let mut number = 0;
    let (mut expected_late, mut late, mut dropped) = (Vec::new(), Vec::new(), 0);
    for (index, step) in case.steps.iter().enumerate() {
        if index == restore_at {
            let (read, counted) = subtasks.late();
            late.extend(read);
            dropped += counted;
            let captured: Vec<TaskCapture> = subtasks.0.iter_mut().map(Driver::capture).collect();
            // What happens before it is written down is no part of the snapshot.
            for driver in &mut subtasks.0 {
                driver.push((0..16).map(|key| ((key, number), reached)));
                driver.watermark(i64::MAX);
            }
            let snapshot = TaskSnapshot::merge(captured.into_iter().map(|capture| capture.complete().unwrap()));
            subtasks = Subtasks::new(case, second, Some(&snapshot));
        }
        let mut expected = Vec::new();
        match step {
            Step::Records(records) => {
                let mut batches: Vec<Vec<(Item, i64)>> = vec![Vec::new(); subtasks.0.len()];
                for (key, ahead) in records {
                    let time = reached + ahead;
                    batches[subtasks.owner(*key)].push(((*key, number), time));
                    match oracles.get_mut(key).unwrap().record(time, number) {
                        Some(firings) => expected.extend(firings),
                        None => expected_late.push((*key, number)),
                    }
                    number += 1;
                }
                for (driver, batch) in subtasks.0.iter_mut().zip(batches) {
                    driver.push(batch);
                }
            }
            Step::Watermark(by) => {
                reached += by;
                let slow = |subtask: usize| index < restore_at && subtask * 2 >= first && subtask > 0;
                let watermark = |subtask| if slow(subtask) { reached - lag } else { reached };
                for (key, oracle) in &mut oracles {
                    expected.extend(oracle.advance(watermark(subtasks.owner(*key))));
                }
                for (subtask, driver) in subtasks.0.iter_mut().enumerate() {
                    driver.watermark(watermark(subtask));
                }
            }
        }
        expected.sort_unstable();
        assert_eq!(subtasks.take(matches!(step, Step::Watermark(_))), expected, "at step {index}");
    }
    subtasks.0.iter_mut().for_each(|driver| driver.watermark(i64::MAX));
    let mut expected: Vec<Firing> = oracles.values_mut().flat_map(|oracle| oracle.advance(i64::MAX)).collect();
    expected.sort_unstable();
    assert_eq!(subtasks.take(true), expected, "at the end");
    let (read, counted) = subtasks.late();
    late.extend(read);
    dropped += counted;
    late.sort_unstable();
    expected_late.sort_unstable();
    if case.late_is_read {
        assert_eq!((late, dropped), (expected_late, 0));
    } else {
        assert_eq!((late.len(), dropped), (0, expected_late.len() as u64));
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1i64..30, 0i64..40).prop_map(|(size, offset)| Shape::Regular { size, slide: size, offset }),
        (1i64..30, 1i64..30, 0i64..40).prop_map(|(size, slide, offset)| Shape::Regular { size, slide, offset }),
        (1i64..20).prop_map(|gap| Shape::Session { gap }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let records = prop::collection::vec((0u64..16, -60i64..60), 1..40);
    let step = prop_oneof![records.prop_map(Step::Records), (0i64..30).prop_map(Step::Watermark)];
    prop::collection::vec(step, 1..16)
}

fn cases() -> impl Strategy<Value = Case> {
    let restore = prop::option::of((0usize..16, 1usize..4, 1usize..4, 0i64..50));
    (shapes(), any::<bool>(), 0i64..50, any::<bool>(), prop_oneof![Just(0usize), 2usize..4], steps(), restore).prop_map(
        |(shape, triggered, lateness, late_is_read, refuse_every, steps, restore)| {
            // Half of the cases have no lateness, the default.
            let lateness = (lateness - 25).max(0);
            Case { shape, triggered, lateness, late_is_read, refuse_every, steps, restore }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn windows_are_what_their_definition_says(case in cases()) {
        check(&case);
    }

    /// A watermark that an output interrupts is delivered again after a restore.
    #[test]
    fn a_restore_amid_firing_repeats_and_loses_nothing(mut case in cases(), records in prop::collection::vec((0u64..16, -20i64..60), 20..60)) {
        case.refuse_every = 2;
        let mut driver = Subtasks::new(&case, 1, None);
        let numbered = records.iter().zip(0..).map(|((key, time), number)| ((*key, number), *time));
        driver.0[0].push(numbered);
        driver.0[0].watermark(5);
        driver.take(true);
        if !driver.0[0].try_watermark(50) {
            let before = driver.0[0].results.borrow().records.len();
            let snapshot = driver.snapshot();
            let mut restored = Subtasks::new(&case, 1, Some(&snapshot));
            let mut original = Subtasks::new(&case, 1, None);
            original.0[0].restore(&Subtasks::new(&case, 1, Some(&snapshot)).snapshot());
            restored.0[0].watermark(50);
            original.0[0].watermark(50);
            let rest = restored.take(true);
            prop_assert_eq!(&original.take(true), &rest, "what was restored is written down as it was");
            driver.0[0].watermark(50);
            let all: Vec<Firing> = driver.0[0].take().into_iter().map(|(fat, _)| fat.firing).collect();
            prop_assert!(all.len() >= before + rest.len());
            let mut last = all[all.len() - rest.len()..].to_vec();
            last.sort_unstable();
            prop_assert_eq!(last, rest);
        }
    }
}
