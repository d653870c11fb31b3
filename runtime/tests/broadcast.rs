//! A stream and a broadcast as the inputs of one operator.

#[path = "common/backend.rs"]
mod backend;

use std::collections::{BTreeMap, BTreeSet};

use millstream::operator::OnError;
use millstream::prelude::*;
use millstream::state::StateBackend;
use millstream::testing::{HarnessSnapshot, TwoInputHarness};
use proptest::prelude::*;

use self::backend::any_backend;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values
}

/// Amounts in the currency of the house.
#[derive(Clone)]
struct Convert;

impl BroadcastProcess for Convert {
    type In = (u8, u64);
    type Broadcast = (u8, u64);
    type Shared = BroadcastState<u8, u64>;
    type Out = u64;

    fn shared_states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("rates").aliases(&["broadcast"])]
    }

    fn process(
        &mut self,
        (currency, amount): (u8, u64),
        rates: &Self::Shared,
        _ctx: &mut Context<'_>,
        out: &mut Collector<u64>,
    ) -> Result<()> {
        let rate = rates.get(&currency).ok_or_else(|| anyhow::anyhow!("no rate of {currency}"))?;
        out.emit(rate * amount);
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        (currency, rate): (u8, u64),
        rates: &mut Self::Shared,
        _ctx: &mut Context<'_>,
        _out: &mut Collector<u64>,
    ) -> Result<()> {
        anyhow::ensure!(rate > 0, "a rate of 0");
        rates.insert(currency, rate);
        Ok(())
    }
}

fn converted(amounts: Stream<(u8, u64)>, rates: Stream<(u8, u64)>) -> Stream<u64> {
    amounts.rebalance().connect_broadcast(rates).process_or("convert", Convert, OnError::Skip)
}

#[test]
fn every_subtask_is_told_and_knows_it_after_a_restore() {
    let mut harness = TwoInputHarness::with_parallelism(converted, 3);
    harness.push_right((1, 10));
    harness.settle();
    (0..6).for_each(|amount| harness.push_left((1, amount)));
    harness.push_left((2, 1));
    assert_eq!(sorted(harness.output()), [0, 10, 20, 30, 40, 50]);
    for parallelism in 1..5 {
        let mut restored = TwoInputHarness::restored(converted, parallelism, &harness.snapshot());
        (0..8).for_each(|amount| restored.push_left((1, amount)));
        assert_eq!(sorted(restored.output()), (0..8).map(|amount| 10 * amount).collect::<Vec<_>>());
    }
}

#[test]
fn a_broadcast_state_is_written_once_under_its_name() {
    let written = |parallelism| {
        let mut harness = TwoInputHarness::with_parallelism(converted, parallelism);
        [(1, 10), (2, 20), (1, 30)].into_iter().for_each(|rate| harness.push_right(rate));
        let text = serde_json::to_value(harness.snapshot()).expect("a snapshot is data");
        text["state"]["operators"]["convert"]["lists"]["state rates"].as_array().map(Vec::len)
    };
    assert_eq!([written(1), written(3)], [Some(2), Some(2)]);
}

#[test]
fn a_failure_on_the_broadcast_is_never_skipped() {
    let env = Environment::new("fails");
    let rates = env.from_collection([(1, 0)]);
    env.from_collection([(1, 1)]).connect_broadcast(rates).process_or("convert", Convert, OnError::Skip).collect();
    let error = env.execute().expect_err("the rate is wrong").to_string();
    assert!(error.contains("a rate of 0"), "{error}");
}

#[test]
fn a_function_of_either_is_told_too() {
    /// Words that are not forbidden.
    #[operator(broadcast)]
    fn allowed(of: Either<String, String>, #[state] forbidden: &mut BroadcastState<String, ()>) -> Option<String> {
        match of {
            Either::Left(word) => (!forbidden.contains_key(&word)).then_some(word),
            Either::Right(word) => forbidden.insert(word, ()).and(None),
        }
    }

    let job = |words: Stream<String>, forbidden| words.connect_broadcast(forbidden).apply(allowed());
    let mut harness = TwoInputHarness::with_parallelism(job, 2);
    harness.push_right("b".to_owned());
    harness.settle();
    ["a", "b", "c"].into_iter().for_each(|word| harness.push_left(word.to_owned()));
    assert_eq!(sorted(harness.output()), ["a", "c"]);
}

#[test]
fn names_for_fewer_states_than_there_are_are_refused() {
    /// Shares two states, and names one.
    #[derive(Clone)]
    struct Misnamed;

    impl BroadcastProcess for Misnamed {
        type In = u64;
        type Broadcast = u64;
        type Shared = (BroadcastState<u64, u64>, BroadcastState<u64, String>);
        type Out = u64;

        fn shared_states(&self) -> Vec<StateSpec> {
            vec![StateSpec::new("first")]
        }

        fn process(&mut self, _: u64, _: &Self::Shared, _: &mut Context<'_>, _: &mut Collector<u64>) -> Result<()> {
            Ok(())
        }

        fn process_broadcast(
            &mut self,
            _: u64,
            _: &mut Self::Shared,
            _: &mut Context<'_>,
            _: &mut Collector<u64>,
        ) -> Result<()> {
            Ok(())
        }
    }

    let env = Environment::new("refused");
    env.from_collection([1]).connect_broadcast(env.from_collection([2])).process("misnamed", Misnamed).collect();
    let error = env.execute().expect_err("a state has no name").to_string();
    assert!(error.contains("`shared_states` gives 1 names, and there are 2 broadcast states"), "{error}");
}

/// Keys whose records match as many rules as they are to, told by a timer.
#[derive(KeyedOperator)]
#[operator(broadcast, uid = "matches")]
struct Matches {
    /// Records of the key by their value, not yet told of.
    #[state]
    pending: Map<u64, u64>,
    /// How many were told of in this subtask.
    #[state]
    told: ListState<u64>,
    #[param]
    patience: Duration,
}

/// A rule: values below the limit count so much. A weight of zero takes the rule away; a limit of zero has every key tell
/// what it waits for, and the even ones forget it.
type Rule = (u64, u64);

impl Matches {
    /// What the pending records count.
    fn weights(&self, rules: &BTreeMap<u64, u64>) -> u64 {
        self.pending.iter().map(|(value, count)| count * weight(rules, *value)).sum()
    }
}

impl KeyedBroadcastProcess for Matches {
    type Key = u64;
    type In = (u64, u64);
    type Broadcast = Rule;
    type Shared = (BroadcastState<u64, u64>, BroadcastState<(), u64>);
    type Out = (u64, u64, u64);

    fn shared_states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("rules"), StateSpec::new("changes")]
    }

    fn process(
        &mut self,
        (_, value): (u64, u64),
        (rules, _): &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        *self.pending.get_or_insert_with(value, || 0) += 1;
        if let Some(time) = ctx.timestamp() {
            ctx.set_event_timer(time.saturating_add(self.patience));
        }
        out.emit((*ctx.key(), value, weight(rules, value)));
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        (limit, weight): Rule,
        (rules, changes): &mut Self::Shared,
        ctx: &mut BroadcastContext<'_>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        if limit == 0 {
            ctx.visit_keys();
            return Ok(());
        }
        if weight == 0 {
            rules.remove(&limit);
        } else {
            rules.insert(limit, weight);
        }
        *changes.entry(()).or_default() += 1;
        Ok(())
    }

    fn on_timer(
        &mut self,
        _at: Timestamp,
        (rules, changes): &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        self.told.push(*ctx.key());
        let weights = self.weights(rules);
        self.pending.clear();
        out.emit((*ctx.key(), 1000 + changes.get(&()).copied().unwrap_or_default(), weights));
        Ok(())
    }

    fn visit_key(
        &mut self,
        (rules, _): &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        out.emit((*ctx.key(), 2000, self.weights(rules)));
        if ctx.key().is_multiple_of(2) {
            self.pending.clear();
        }
        Ok(())
    }
}

fn weight(rules: &BTreeMap<u64, u64>, value: u64) -> u64 {
    rules.range(value + 1..).map(|(_, weight)| weight).sum()
}

/// Counts the records of each key; a visit doubles the counts and tells them.
#[derive(KeyedOperator)]
#[operator(broadcast, uid = "double")]
struct Doubling {
    #[state]
    count: Value<u64>,
}

impl KeyedBroadcastProcess for Doubling {
    type Key = u64;
    type In = u64;
    type Broadcast = u64;
    type Shared = BroadcastState<(), u64>;
    type Out = (u64, u64);

    fn process(
        &mut self,
        _: u64,
        _: &Self::Shared,
        _: &mut KeyedContext<'_, u64>,
        _: &mut Collector<(u64, u64)>,
    ) -> Result<()> {
        *self.count.get_or_default() += 1;
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        _: u64,
        _: &mut Self::Shared,
        ctx: &mut BroadcastContext<'_>,
        _: &mut Collector<(u64, u64)>,
    ) -> Result<()> {
        ctx.visit_keys();
        Ok(())
    }

    fn visit_key(
        &mut self,
        _: &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<(u64, u64)>,
    ) -> Result<()> {
        *self.count.get_or_default() *= 2;
        let result = (*ctx.key(), *self.count.get_or_default());
        out.extend(std::iter::repeat_n(result, COPIES));
        Ok(())
    }
}

const MANY: u64 = 20_000;

/// So many results of each visit to a key, that outputs are full many times over.
const COPIES: usize = 20;

#[track_caller]
fn check_visits(backend: &StateBackend) {
    let job = |keys: Stream<u64>, visits: Stream<u64>| {
        keys.key_by(|key| key).connect_broadcast(visits).apply(Doubling::operator()).disable_chaining()
    };
    let mut harness = TwoInputHarness::with_backend(job, 2, None, backend);
    (0..MANY).for_each(|key| harness.push_left(key));
    harness.settle();
    let all = |count| (0..MANY).flat_map(move |key| std::iter::repeat_n((key, count), COPIES));
    // Nothing comes after the record to have its visit go on.
    harness.push_right_at(1, at(5));
    let visited = sorted(harness.timed_output());
    assert!(visited.into_iter().eq(all(2).map(|result| (result, at(5)))), "the first visit");
    // The next record waits for the end of the visit.
    harness.push_right(2);
    harness.push_right(3);
    let (fours, eights): (Vec<_>, Vec<_>) = harness.output().into_iter().partition(|(_, count)| *count == 4);
    assert!(sorted(fours).into_iter().eq(all(4)), "the second visit");
    assert!(sorted(eights).into_iter().eq(all(8)), "the third visit");
    let snapshot = harness.snapshot();
    let mut restored = TwoInputHarness::with_backend(job, 3, Some(&snapshot), backend);
    restored.push_right(4);
    assert!(sorted(restored.output()).into_iter().eq(all(16)), "the visit after the restore");
}

#[test]
fn a_visit_comes_to_each_key_once_however_many_there_are() {
    check_visits(&StateBackend::Heap);
}

#[cfg(feature = "rocksdb")]
#[test]
fn a_visit_comes_to_keys_on_disk_and_to_those_only_in_memory() {
    // A cache for hardly any row, and one for all of them.
    for cache in [1, 1 << 30] {
        check_visits(&backend::in_rocksdb(cache));
    }
}

const PATIENCE: i64 = 10;

fn matched(values: Stream<(u64, u64)>, rules: Stream<Rule>) -> Stream<(u64, u64, u64)> {
    let matches = Matches::operator(Duration::from_millis(PATIENCE as u64));
    values.key_by(|value| &value.0).connect_broadcast(rules).apply(matches)
}

#[derive(Debug, Clone)]
enum Do {
    Value(u64, u64),
    Rule(u64, u64),
    /// So much later.
    Watermark(i64),
    /// Goes on from a snapshot at another parallelism, on any backend.
    Restore(usize, u64),
}

/// The same in the plainest way.
#[derive(Default)]
struct Oracle {
    rules: BTreeMap<u64, u64>,
    changes: u64,
    pending: BTreeMap<u64, Vec<u64>>,
    timers: BTreeSet<(i64, u64)>,
    watermark: i64,
}

impl Oracle {
    /// What is told at a step, sorted.
    fn step(&mut self, step: &Do) -> Vec<(u64, u64, u64)> {
        match *step {
            Do::Value(key, value) => {
                self.pending.entry(key).or_default().push(value);
                self.timers.insert((self.watermark + PATIENCE, key));
                vec![(key, value, weight(&self.rules, value))]
            }
            Do::Rule(0, _) => {
                let told = self
                    .pending
                    .iter()
                    .map(|(key, values)| (*key, 2000, values.iter().map(|value| weight(&self.rules, *value)).sum()));
                let told = told.collect();
                self.pending.retain(|key, _| key % 2 == 1);
                told
            }
            Do::Rule(limit, weight) => {
                self.rules.insert(limit, weight);
                self.rules.retain(|_, weight| *weight > 0);
                self.changes += 1;
                Vec::new()
            }
            Do::Watermark(later) => {
                self.watermark += later;
                let due: Vec<_> = self.timers.extract_if(.., |(at, _)| *at <= self.watermark).collect();
                let told = due.into_iter().map(|(_, key)| {
                    let pending = self.pending.remove(&key).unwrap_or_default();
                    let weights = pending.into_iter().map(|value| weight(&self.rules, value)).sum();
                    (key, 1000 + self.changes, weights)
                });
                sorted(told.collect())
            }
            Do::Restore(..) => Vec::new(),
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let step = prop_oneof![
        5 => (0..8u64, 0..20u64).prop_map(|(key, value)| Do::Value(key, value)),
        2 => (0..20u64, 0..4u64).prop_map(|(limit, weight)| Do::Rule(limit, weight)),
        2 => (0..15i64).prop_map(Do::Watermark),
        1 => (1..4usize, any::<u64>()).prop_map(|(parallelism, backend)| Do::Restore(parallelism, backend)),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_key_sees_the_rules_as_one_map_has_them(
        parallelism in 1..4usize,
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let mut oracle = Oracle::default();
        let mut harness = TwoInputHarness::with_backend(matched, parallelism, None, &any_backend(seed >> 8));
        harness.seed(seed);
        harness.watermark(at(0));
        harness.settle();
        for step in steps {
            match step {
                Do::Value(key, value) => harness.push_left_at((key, value), at(oracle.watermark)),
                Do::Rule(limit, weight) => harness.push_right((limit, weight)),
                Do::Watermark(later) => harness.watermark(at(oracle.watermark + later)),
                Do::Restore(parallelism, backend) => {
                    let snapshot: HarnessSnapshot = harness.snapshot();
                    harness =
                        TwoInputHarness::with_backend(matched, parallelism, Some(&snapshot), &any_backend(backend));
                    harness.watermark(at(oracle.watermark));
                }
            }
            prop_assert_eq!(sorted(harness.output()), oracle.step(&step), "at {:?}", step);
        }
    }
}
