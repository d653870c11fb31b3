//! The temporal join against its definition: out of order, late, through outputs that block, across restores.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::LateSides;
use super::super::testing::{Fat, Item, Merged, Paired, Record, Subtasks};
use super::{EndsValidity, ProcessTemporalJoin, TemporalContext, TemporalJoin};
use crate::Result;
use crate::operator::keyed::{KeySelectors, OwnedKey};
use crate::operator::{Collector, Either, Operator};
use crate::state::{TaskCapture, TaskSnapshot};
use crate::window::Late;
use crate::window::driver::Driver;

const KEYS: u64 = 6;
/// Stands for no version.
const NONE: u64 = u64::MAX;

/// What a record is: a left one, a version, or the end of all versions before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Left,
    Version,
    End,
}

pub(crate) fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![4 => Just(Role::Left), 3 => Just(Role::Version), 1 => Just(Role::End)]
}

#[derive(Debug, Clone)]
struct Case {
    refuse_every: usize,
    steps: Vec<Step>,
    /// At which step, from which parallelism to which, and how far the second half of the subtasks lags till then.
    restore: Option<(usize, usize, usize, i64)>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Keys, kinds, and how far ahead of the watermark.
    Records(Vec<(u64, Role, i64)>),
    /// By how much event time goes on.
    Watermark(i64),
}

/// Tells which version each record has met.
#[derive(Clone)]
struct Tell;

impl ProcessTemporalJoin for Tell {
    type Left = Item;
    type Right = Item;
    type Out = Fat;

    fn process(
        &mut self,
        left: Item,
        version: Option<&Item>,
        ctx: &mut TemporalContext<'_>,
        out: &mut Collector<Fat>,
    ) -> Result<()> {
        assert_eq!(ctx.version_timestamp().is_some(), version.is_some());
        assert!(ctx.version_timestamp() <= ctx.timestamp());
        out.emit(Fat::new(left.1, version.map_or(NONE, |version| version.1)));
        Ok(())
    }
}

/// Ends of validity have odd numbers, versions even ones.
fn numbered(role: Role, number: u64) -> u64 {
    2 * number + u64::from(role == Role::End)
}

fn operator() -> impl Operator<In = Record, Out = Fat> + use<> {
    let key = || Arc::new(OwnedKey(|item: &Item| item.0));
    let late = LateSides { left: Late::to(None), right: Late::to(None) };
    let ends: EndsValidity<Item> = Some(Arc::new(|version: &Item| version.1 % 2 == 1));
    Merged(TemporalJoin::new(Tell, ends, late, KeySelectors { left: key(), right: key() }))
}

/// The records of one key, and how far its event time has come.
#[derive(Default, Clone)]
pub(crate) struct KeyOracle {
    watermark: Option<i64>,
    /// Time and number.
    waiting: Vec<(i64, u64)>,
    /// Time, number, and whether it is one, in the order in which they came.
    versions: Vec<(i64, u64, bool)>,
}

impl KeyOracle {
    /// Takes a record; answers whether it is on time.
    pub(crate) fn record(&mut self, role: Role, time: i64, number: u64) -> bool {
        let on_time = self.watermark.is_none_or(|watermark| time > watermark);
        match role {
            _ if !on_time => {}
            Role::Left => self.waiting.push((time, number)),
            Role::Version | Role::End => self.versions.push((time, number, role == Role::Version)),
        }
        on_time
    }

    /// What records have met when event time has come so far: the number of each, of its version, and its time.
    pub(crate) fn advance(&mut self, watermark: i64) -> Vec<(u64, Option<u64>, i64)> {
        self.watermark = self.watermark.max(Some(watermark));
        let due = |(time, _): &(i64, u64)| *time <= watermark;
        let met = self.waiting.iter().copied().filter(due).map(|(time, number)| {
            let before = self.versions.iter().filter(|(since, ..)| *since <= time);
            // Of several that are the latest, `max_by_key` gives the last.
            let valid = before.max_by_key(|(since, ..)| *since).filter(|(.., is_version)| *is_version);
            (number, valid.map(|(_, version, _)| *version), time)
        });
        let met = met.collect();
        self.waiting.retain(|record| !due(record));
        met
    }
}

fn check(case: &Case) {
    let (restore_at, first, second, lag) = case.restore.unwrap_or((usize::MAX, 1, 1, 0));
    let mut subtasks = Subtasks::new(operator, first, case.refuse_every, None);
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
                driver.push((0..KEYS).map(|key| (Either::Right((key, number)), reached)));
                driver.watermark(i64::MAX);
            }
            let snapshot = TaskSnapshot::merge(captured.into_iter().map(|capture| capture.complete().unwrap()));
            subtasks = Subtasks::new(operator, second, case.refuse_every, Some(&snapshot));
        }
        let mut expected: Vec<Paired> = Vec::new();
        match step {
            Step::Records(records) => {
                let mut batches: Vec<Vec<(Record, i64)>> = vec![Vec::new(); subtasks.0.len()];
                for &(key, role, ahead) in records {
                    let time = reached + ahead;
                    let item = (key, numbered(role, number));
                    let record = if role == Role::Left { Either::Left(item) } else { Either::Right(item) };
                    batches[subtasks.owner(key)].push((record, time));
                    expected_late += u64::from(!oracles[key as usize].record(role, time, item.1));
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
                    let met = oracle.advance(watermark(subtasks.owner(key as u64)));
                    expected.extend(met.into_iter().map(|(left, version, time)| (left, version.unwrap_or(NONE), time)));
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
    for key in 0..KEYS {
        let owner = subtasks.owner(key);
        subtasks.0[owner].push([(Either::Right((key, 1)), i64::MAX - 1)]);
    }
    subtasks.0.iter_mut().for_each(|driver| driver.watermark(i64::MAX));
    assert!(subtasks.are_empty(), "what ends validity goes with the versions that it ends");
}

fn cases() -> impl Strategy<Value = Case> {
    let records = prop::collection::vec((0..KEYS, roles(), -10i64..60), 1..40);
    let step = prop_oneof![2 => records.prop_map(Step::Records), 1 => (0i64..25).prop_map(Step::Watermark)];
    let steps = prop::collection::vec(step, 1..16);
    let restore = prop::option::of((0usize..16, 1usize..4, 1usize..4, 0i64..50));
    (prop_oneof![Just(0usize), 2usize..4], steps, restore).prop_map(|(refuse_every, steps, restore)| Case {
        refuse_every,
        steps,
        restore,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_temporal_join_is_what_its_definition_says(case in cases()) {
        check(&case);
    }
}

#[test]
fn a_key_with_many_records_goes_on_where_a_full_output_stopped_it() {
    let records = (0..500).map(|time| (0, if time % 7 == 0 { Role::Version } else { Role::Left }, time % 50 + 1));
    let steps = vec![Step::Records(records.collect()), Step::Watermark(25), Step::Watermark(25)];
    check(&Case { refuse_every: 2, steps, restore: None });
}

#[test]
fn what_was_emitted_before_a_snapshot_amid_a_watermark_is_not_emitted_after_it() {
    let mut subtasks = Subtasks::new(operator, 1, 2, None);
    subtasks.0[0].push([(Either::Right((0, 0)), 1)]);
    subtasks.0[0].push((1..100).map(|number| (Either::Left((0, 2 * number)), 5)));
    while subtasks.take().is_empty() {
        assert!(!subtasks.0[0].try_watermark(10), "such a record fills a batch with few others");
    }
    let snapshot = subtasks.0[0].snapshot();
    let mut rest = Vec::new();
    subtasks.0[0].watermark(10);
    rest.extend(subtasks.take());
    let mut restored = Subtasks::new(operator, 1, 0, Some(&snapshot));
    restored.0[0].watermark(10);
    // What had been collected and was not handed on is of the stage behind, which the driver has none of.
    let again = restored.take();
    assert!(again.len() > 50 && rest.ends_with(&again), "{} of {}", again.len(), rest.len());
}

#[test]
fn versions_without_records_are_freed_by_the_watermark() {
    let mut subtasks = Subtasks::new(operator, 1, 0, None);
    let mut sizes = Vec::new();
    for time in 1..1000i64 {
        subtasks.0[0].push([(Either::Right((0, 2 * time as u64)), time)]);
        subtasks.0[0].watermark(time - 10);
        let snapshot = subtasks.0[0].snapshot();
        let rows = snapshot.get("windows").unwrap().keyed_sections().filter(|(section, _)| *section == "rows");
        sizes.push(rows.flat_map(|(_, groups)| groups.values()).map(|bytes| bytes.len()).sum::<usize>());
    }
    let (first, last) = (sizes[30..60].iter().max(), sizes[900..].iter().max());
    assert!(last.unwrap() < &(first.unwrap() * 2), "{first:?}, then {last:?} bytes");
}

#[test]
fn a_version_at_the_very_time_of_a_record_is_valid_for_it_whichever_comes_first() {
    for order in [[Role::Left, Role::Version], [Role::Version, Role::Left]] {
        let records = order.map(|role| (1, role, 5)).to_vec();
        check(&Case { refuse_every: 0, steps: vec![Step::Records(records), Step::Watermark(5)], restore: None });
    }
}
