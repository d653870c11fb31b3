//! The interval join against its definition: out of order, late, through outputs that block, across restores.

use std::time::Duration;

use proptest::prelude::*;

use super::Offset::{After, Before};
use super::testing::{Fat, Item, Merged, Paired, Record, Subtasks};
use super::{Bounds, Interval, IntervalJoin, LateSides, Offset, PairFn};
use crate::operator::keyed::{KeySelectors, OwnedKey};
use crate::operator::{Either, OnError, Operator};
use crate::state::{TaskCapture, TaskSnapshot};
use crate::window::Late;
use crate::window::driver::Driver;

const KEYS: u64 = 6;

#[derive(Debug, Clone)]
struct Case {
    /// In milliseconds, both included.
    bounds: (i64, i64),
    refuse_every: usize,
    steps: Vec<Step>,
    /// At which step, from which parallelism to which, and how far the second half of the subtasks lags till then.
    restore: Option<(usize, usize, usize, i64)>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Keys, whether on the left, and how far ahead of the watermark.
    Records(Vec<(u64, bool, i64)>),
    /// By how much event time goes on.
    Watermark(i64),
}

pub(crate) fn offset(millis: i64) -> Offset {
    let length = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { Before(length) } else { After(length) }
}

fn bounds((lower, upper): (i64, i64)) -> Bounds {
    let (lower, upper) = (offset(lower), offset(upper));
    Interval { lower, upper, lower_exclusive: false, upper_exclusive: false }.bounds().unwrap()
}

fn operator(case: &Case) -> impl Operator<In = Record, Out = Fat> + use<> {
    let key = || std::sync::Arc::new(OwnedKey(|item: &Item| item.0));
    let pair = PairFn::new(|left: &Item, right: &Item| Fat::new(left.1, right.1));
    let late = LateSides { left: Late::to(None), right: Late::to(None) };
    Merged(IntervalJoin::new(
        (pair, OnError::Fail),
        bounds(case.bounds),
        late,
        KeySelectors { left: key(), right: key() },
    ))
}

/// The records of one key that were on time, and how far its event time has come.
#[derive(Default, Clone)]
pub(crate) struct KeyOracle {
    pub(crate) watermark: Option<i64>,
    /// Whether on the left, time and number.
    seen: Vec<(bool, i64, u64)>,
}

impl KeyOracle {
    /// What a record is paired with; `None` if it is late.
    pub(crate) fn record(
        &mut self,
        (lower, upper): (i64, i64),
        is_left: bool,
        time: i64,
        number: u64,
    ) -> Option<Vec<Paired>> {
        if self.watermark.is_some_and(|watermark| time < watermark) {
            return None;
        }
        let others = self.seen.iter().filter(|(left, ..)| *left != is_left);
        let pairs = others.filter_map(|(_, other_time, other)| {
            let ((left, left_time), (right, right_time)) =
                if is_left { ((number, time), (*other, *other_time)) } else { ((*other, *other_time), (number, time)) };
            let apart = right_time - left_time;
            (lower <= apart && apart <= upper).then_some((left, right, time.max(*other_time)))
        });
        let pairs = pairs.collect();
        self.seen.push((is_left, time, number));
        Some(pairs)
    }
}

fn check(case: &Case) {
    let (restore_at, first, second, lag) = case.restore.unwrap_or((usize::MAX, 1, 1, 0));
    let mut subtasks = Subtasks::new(|| operator(case), first, case.refuse_every, None);
    let mut oracles = vec![KeyOracle::default(); KEYS as usize];
    let (mut reached, mut number) = (0, 0);
    let (mut late, mut expected_late) = (0, 0);
    for (index, step) in case.steps.iter().enumerate() {
        if index == restore_at {
            late += subtasks.late();
            let captured: Vec<TaskCapture> = subtasks.0.iter_mut().map(Driver::capture).collect();
            // What happens before it is written down is no part of the snapshot.
            for driver in &mut subtasks.0 {
                driver.push((0..KEYS).map(|key| (Either::Left((key, number)), reached)));
                driver.watermark(i64::MAX);
            }
            let snapshot = TaskSnapshot::merge(captured.into_iter().map(|capture| capture.complete().unwrap()));
            subtasks = Subtasks::new(|| operator(case), second, case.refuse_every, Some(&snapshot));
        }
        let mut expected = Vec::new();
        match step {
            Step::Records(records) => {
                let mut batches: Vec<Vec<(Record, i64)>> = vec![Vec::new(); subtasks.0.len()];
                for &(key, is_left, ahead) in records {
                    let time = reached + ahead;
                    let item = (key, number);
                    let record = if is_left { Either::Left(item) } else { Either::Right(item) };
                    batches[subtasks.owner(key)].push((record, time));
                    match oracles[key as usize].record(case.bounds, is_left, time, number) {
                        Some(pairs) => expected.extend(pairs),
                        None => expected_late += 1,
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
                for (key, oracle) in oracles.iter_mut().enumerate() {
                    oracle.watermark = oracle.watermark.max(Some(watermark(subtasks.owner(key as u64))));
                }
                for (subtask, driver) in subtasks.0.iter_mut().enumerate() {
                    driver.watermark(watermark(subtask));
                }
            }
        }
        expected.sort_unstable();
        assert_eq!(subtasks.take(), expected, "at step {index}");
    }
    assert_eq!(late + subtasks.late(), expected_late);
    subtasks.0.iter_mut().for_each(|driver| driver.watermark(i64::MAX));
    assert!(subtasks.are_empty());
}

fn cases() -> impl Strategy<Value = Case> {
    let records = prop::collection::vec((0..KEYS, any::<bool>(), -30i64..40), 1..40);
    let step = prop_oneof![2 => records.prop_map(Step::Records), 1 => (0i64..25).prop_map(Step::Watermark)];
    let steps = prop::collection::vec(step, 1..16);
    let bounds = (-30i64..30, 0i64..40).prop_map(|(lower, length)| (lower, lower + length));
    let restore = prop::option::of((0usize..16, 1usize..4, 1usize..4, 0i64..50));
    (bounds, prop_oneof![Just(0usize), 2usize..4], steps, restore)
        .prop_map(|(bounds, refuse_every, steps, restore)| Case { bounds, refuse_every, steps, restore })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_interval_join_is_what_its_definition_says(case in cases()) {
        check(&case);
    }
}

#[test]
fn a_record_that_meets_many_goes_on_where_a_full_output_stopped_it() {
    let records = |left| (0..500).map(|_| (0, left, 0)).collect();
    let steps = vec![Step::Records(records(true)), Step::Records((0..3).map(|_| (0, false, 1)).collect())];
    check(&Case { bounds: (0, 1), refuse_every: 2, steps, restore: None });
}

#[test]
fn a_record_at_the_watermark_is_on_time_and_meets_what_the_bounds_allow() {
    let steps = vec![Step::Records(vec![(1, true, 0)]), Step::Watermark(10), Step::Records(vec![(1, false, 0)])];
    let case = |bounds| Case { bounds, refuse_every: 0, steps: steps.clone(), restore: None };
    check(&case((0, 10)));
    check(&case((0, 9)));
}
