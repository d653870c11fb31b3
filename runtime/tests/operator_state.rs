//! What subtasks remember beside keys, and what becomes of it at another parallelism.

use std::collections::BTreeMap;

use millstream::prelude::*;
use millstream::state::OperatorStates;
use millstream::testing::{Harness, HarnessSnapshot};
use proptest::prelude::*;

/// What a subtask answers: its number, and what it remembers.
type Seen = (usize, Vec<u64>);

/// Remembers numbers, each in one subtask; 0 asks what there is.
#[operator]
fn listing(value: u64, #[state] seen: &mut ListState<u64>, ctx: &mut Context<'_>) -> Option<Seen> {
    remember(value, seen).map(|seen| (ctx.subtask_index(), seen))
}

/// Remembers numbers, which all subtasks are told at a restore.
#[operator]
fn union(value: u64, #[state(alias = "known")] seen: &mut UnionList<u64>, ctx: &mut Context<'_>) -> Option<Seen> {
    remember(value, seen).map(|seen| (ctx.subtask_index(), seen))
}

fn remember(value: u64, seen: &mut Vec<u64>) -> Option<Vec<u64>> {
    if value == 0 {
        return Some(seen.clone());
    }
    seen.push(value);
    None
}

/// Remembers the last number of each remainder, the same in all subtasks.
#[operator]
fn rules(value: u64, #[state] rules: &mut BroadcastState<u64, u64>, ctx: &mut Context<'_>) -> Option<Seen> {
    if value == 0 {
        return Some((ctx.subtask_index(), rules.values().copied().collect()));
    }
    rules.insert(value % 5, value);
    None
}

fn spread_list(values: Stream<u64>) -> Stream<Seen> {
    values.rebalance().apply(listing())
}

fn broadcast_union(values: Stream<u64>) -> Stream<Seen> {
    values.broadcast().apply(union())
}

fn broadcast_rules(values: Stream<u64>) -> Stream<Seen> {
    values.broadcast().apply(rules())
}

/// What each of `parallelism` subtasks remembers after a restore.
fn contents(
    job: fn(Stream<u64>) -> Stream<Seen>,
    parallelism: usize,
    snapshot: &HarnessSnapshot,
) -> BTreeMap<usize, Vec<u64>> {
    let mut harness = Harness::restored(job, parallelism, snapshot);
    for _ in 0..parallelism {
        harness.push(0);
    }
    harness.output().into_iter().collect()
}

fn snapshot(job: fn(Stream<u64>) -> Stream<Seen>, parallelism: usize, values: &[u64]) -> HarnessSnapshot {
    let mut harness = Harness::with_parallelism(job, parallelism);
    values.iter().for_each(|value| harness.push(*value));
    harness.snapshot()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_of_a_list_are_dealt_out_in_turn(
        values in prop::collection::vec(1u64..1000, 0..40),
        before in 1usize..4,
        after in 1usize..4,
    ) {
        let seen = contents(spread_list, after, &snapshot(spread_list, before, &values));
        prop_assert_eq!(seen.len(), after);
        let sizes: Vec<usize> = seen.values().map(Vec::len).collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{:?}", sizes);
        let mut all: Vec<u64> = seen.into_values().flatten().collect();
        all.sort_unstable();
        let mut expected = values;
        expected.sort_unstable();
        prop_assert_eq!(all, expected);
    }

    #[test]
    fn every_subtask_gets_all_entries_of_a_union_list(
        values in prop::collection::vec(1u64..1000, 0..40),
        before in 1usize..4,
        after in 1usize..4,
    ) {
        let seen = contents(broadcast_union, after, &snapshot(broadcast_union, before, &values));
        let expected = values.repeat(before);
        prop_assert_eq!(seen, (0..after).map(|subtask| (subtask, expected.clone())).collect());
    }

    #[test]
    fn a_broadcast_state_is_the_same_at_any_parallelism(
        values in prop::collection::vec(1u64..1000, 0..40),
        before in 1usize..4,
        after in 1usize..4,
    ) {
        let seen = contents(broadcast_rules, after, &snapshot(broadcast_rules, before, &values));
        let expected: BTreeMap<u64, u64> = values.iter().map(|value| (value % 5, *value)).collect();
        let expected: Vec<u64> = expected.into_values().collect();
        prop_assert_eq!(seen, (0..after).map(|subtask| (subtask, expected.clone())).collect());
    }
}

#[test]
fn a_broadcast_state_is_written_once() {
    let [one, three] = [1, 3].map(|parallelism| snapshot(broadcast_rules, parallelism, &[1, 2, 8]));
    let entries = |snapshot: &HarnessSnapshot| {
        let text = serde_json::to_value(snapshot).expect("a snapshot is data");
        text["state"]["operators"]["rules"]["lists"]["state rules"].as_array().map(Vec::len)
    };
    assert_eq!((entries(&one), entries(&three)), (Some(3), Some(3)));
}

#[test]
fn what_comes_after_a_snapshot_is_not_in_it() {
    let mut harness = Harness::new(spread_list);
    harness.push(1);
    let snapshot = harness.snapshot();
    harness.push(2);
    harness.settle();
    assert_eq!(contents(spread_list, 1, &snapshot)[&0], [1]);
}

#[test]
fn a_renamed_operator_state_is_found_by_its_alias() {
    /// An earlier version of `union`.
    #[operator(uid = "union")]
    fn earlier(value: u64, #[state] known: &mut UnionList<u64>) -> Option<Seen> {
        remember(value, known).map(|known| (0, known))
    }

    let snapshot = snapshot(|values| values.apply(earlier()), 1, &[7]);
    assert_eq!(contents(broadcast_union, 1, &snapshot)[&0], [7]);
}

/// The number of records of each key, and of all keys of the subtask.
#[operator]
fn counts(
    key: u64,
    #[state] all: &mut UnionList<u64>,
    #[state] of_key: &mut Value<u64>,
    #[param] step: u64,
) -> (u64, u64, u64) {
    *of_key.get_or_default() += step;
    let total = all.drain(..).sum::<u64>() + step;
    all.push(total);
    (key, *of_key.get_or_default(), total)
}

/// The same as a struct.
#[derive(KeyedOperator)]
#[operator(uid = "counts")]
struct Counts {
    #[state]
    of_key: Value<u64>,
    #[state]
    all: UnionList<u64>,
    #[param]
    step: u64,
}

impl KeyedProcess for Counts {
    type Key = u64;
    type In = u64;
    type Out = (u64, u64, u64);

    fn process(&mut self, key: u64, _: &mut KeyedContext<'_, u64>, out: &mut Collector<Self::Out>) -> Result<()> {
        out.emit(counts::call(key, &mut self.all, &mut self.of_key, self.step));
        Ok(())
    }
}

#[test]
fn a_keyed_operator_has_operator_states_too() {
    let function = |keys: Stream<u64>| keys.key_by(|key| key).apply(counts(1));
    let structure = |keys: Stream<u64>| keys.key_by(|key| key).apply(Counts::operator(1));
    let mut first = Harness::new(function);
    [1, 2, 1].into_iter().for_each(|key| first.push(key));
    assert_eq!(first.output(), [(1, 1, 1), (2, 1, 2), (1, 2, 3)]);
    let mut second = Harness::restored(structure, 1, &first.snapshot());
    second.push(2);
    assert_eq!(second.output(), [(2, 2, 4)]);
    let mut third = Harness::restored(function, 2, &second.snapshot());
    third.push(1);
    assert_eq!(third.output(), [(1, 3, 5)]);
}

/// Two states of one name.
#[derive(Clone, Default)]
struct Twice(ListState<u64>, UnionList<u64>);

impl Process for Twice {
    type In = u64;
    type Out = u64;

    fn operator_states(&mut self) -> OperatorStates<'_> {
        vec![(StateSpec::new("seen"), &mut self.0), (StateSpec::new("seen"), &mut self.1)]
    }

    fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        out.emit(value);
        Ok(())
    }
}

#[track_caller]
fn check_refused(job: impl FnOnce(Stream<u64>) -> Stream<u64>, reason: &str) {
    let env = Environment::new("refused");
    job(env.from_collection([1])).collect();
    let error = env.execute().expect_err("a job that cannot be").to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn states_of_one_name_are_refused_when_the_job_is_built() {
    check_refused(
        |values| values.process("twice", Twice::default()),
        "two states are called `seen`: rename one of them",
    );
}

#[test]
fn an_operator_that_may_block_has_no_states() {
    check_refused(
        |values| values.process_blocking("twice", Twice::default(), 2, millstream::operator::OnError::Fail),
        "keep it in an operator before or after this one",
    );
}
