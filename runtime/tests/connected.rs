//! Two streams as the inputs of one operator.

#[path = "common/backend.rs"]
mod backend;

use std::collections::BTreeMap;

use millstream::operator::OnError;
use millstream::prelude::*;
use millstream::state::OperatorStates;
use millstream::testing::TwoInputHarness;
use proptest::prelude::*;

use self::backend::any_backend;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values
}

/// What is known of a key from the left, for each record on the right.
#[operator(keyed, connect)]
fn lookup(
    of: Either<(u64, u64), u64>,
    #[state] known: &mut Value<u64>,
    ctx: &mut KeyedContext<'_, u64>,
) -> Option<(u64, Option<u64>)> {
    match of {
        Either::Left((_, value)) => known.set(value),
        Either::Right(_) => return Some((*ctx.key(), known.get().copied())),
    }
    None
}

fn looked_up(facts: Stream<(u64, u64)>, questions: Stream<u64>) -> Stream<(u64, Option<u64>)> {
    facts.key_by(|fact| &fact.0).connect(questions.key_by(|key| key)).apply(lookup())
}

#[test]
fn the_records_of_a_key_meet_whichever_stream_they_are_of() {
    for parallelism in 1..4 {
        let mut harness = TwoInputHarness::with_parallelism(looked_up, parallelism);
        (0..20).for_each(|key| harness.push_left((key, key * 10)));
        harness.settle();
        (0..21).for_each(|key| harness.push_right(key));
        let expected: Vec<_> = (0..21).map(|key| (key, (key < 20).then_some(key * 10))).collect();
        assert_eq!(sorted(harness.output()), expected);
    }
}

#[test]
fn keys_meet_and_are_kept_however_many_key_groups_those_have_that_send_them() {
    let job = |facts: Stream<(u64, u64)>, questions: Stream<u64>| {
        let facts = facts.rebalance().map(|fact| fact).max_parallelism(7);
        let questions = questions.rebalance().map(|key| key).max_parallelism(1000);
        looked_up(facts, questions)
    };
    let mut harness = TwoInputHarness::with_parallelism(job, 3);
    (0..200).for_each(|key| harness.push_left((key, key)));
    let mut restored = TwoInputHarness::restored(job, 2, &harness.snapshot());
    for harness in [&mut harness, &mut restored] {
        (0..200).for_each(|key| harness.push_right(key));
        assert_eq!(sorted(harness.output()), (0..200).map(|key| (key, Some(key))).collect::<Vec<_>>());
    }
}

#[test]
fn the_watermark_is_the_lower_of_both() {
    #[operator(connect)]
    fn watermark(_of: Either<u64, u64>, ctx: &mut Context<'_>) -> Timestamp {
        ctx.watermark()
    }

    let job = |left: Stream<u64>, right: Stream<u64>| left.connect(right).apply(watermark());
    let mut harness = TwoInputHarness::new(job);
    harness.watermark_left(at(10));
    harness.settle();
    harness.push_right(0);
    assert_eq!(harness.output(), [Timestamp::MIN]);
    harness.watermark_right(at(5));
    harness.settle();
    harness.push_left(0);
    assert_eq!(harness.output(), [at(5)]);
    harness.watermark_right(at(20));
    harness.settle();
    harness.push_left(0);
    assert_eq!(harness.output(), [at(10)]);
}

#[test]
fn results_have_the_event_times_of_the_records_they_are_made_of() {
    let job = |left: Stream<u64>, right: Stream<char>| {
        left.connect(right).flat_map(|n| vec![n; 2], |letter| Some(u64::from(letter as u32)))
    };
    let mut harness = TwoInputHarness::new(job);
    harness.push_left_at(1, at(3));
    harness.push_right_at('a', at(4));
    assert_eq!(sorted(harness.timed_output()), [(1, at(3)), (1, at(3)), (97, at(4))]);
}

#[test]
fn the_two_streams_may_be_one() {
    let job = |left: Stream<u64>, _: Stream<u64>| left.clone().connect(left.rebalance()).map(|n| n, |n| n + 100);
    let mut harness = TwoInputHarness::with_parallelism(job, 2);
    (0..3).for_each(|n| harness.push_left(n));
    assert_eq!(sorted(harness.output()), [0, 1, 2, 100, 101, 102]);
}

#[test]
fn either_stream_may_be_a_union() {
    let job = |left: Stream<u64>, right: Stream<u64>| {
        let both = left.clone().union([right.clone().map(|n| n + 10)]);
        both.key_by_owned(|_| 0).connect(left.union([right]).key_by_owned(|_| 0)).apply(total())
    };
    /// The sums of either stream.
    #[operator(keyed, connect)]
    fn total(of: Either<u64, u64>, #[state] sums: &mut Value<(u64, u64)>) -> (u64, u64) {
        let sums = sums.get_or_default();
        of.either(|n| sums.0 += n, |n| sums.1 += n);
        *sums
    }
    let mut harness = TwoInputHarness::with_parallelism(job, 2);
    harness.push_left(1);
    harness.push_right(2);
    assert_eq!(harness.output().pop(), Some((13, 3)));
}

/// Numbers up to the last limit; others go to the side. Fails at zero.
#[derive(Clone, Default)]
struct Limit {
    limit: UnionList<u64>,
}

const ABOVE: OutputTag<u64> = OutputTag::new("above");
const FAILED: OutputTag<(Either<u64, String>, String)> = OutputTag::new("failed");

impl CoProcess for Limit {
    type Left = u64;
    type Right = String;
    type Out = u64;

    fn operator_states(&mut self) -> OperatorStates<'_> {
        vec![(StateSpec::new("limit"), &mut self.limit)]
    }

    fn process_left(&mut self, n: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        anyhow::ensure!(n > 0, "zero");
        if self.limit.last().is_some_and(|limit| n > *limit) {
            ctx.output(ABOVE, n);
        } else {
            out.emit(n);
        }
        Ok(())
    }

    fn process_right(&mut self, limit: String, _ctx: &mut Context<'_>, _out: &mut Collector<u64>) -> Result<()> {
        let limit = limit.parse()?;
        self.limit.clear();
        self.limit.push(limit);
        Ok(())
    }
}

#[test]
fn a_function_for_each_stream_shares_states_and_side_outputs() {
    let job = |numbers: Stream<u64>, limits: Stream<String>| {
        let within = numbers.connect(limits.broadcast()).co_process("limit", Limit::default());
        let above = within.side_output(ABOVE).map(|n| n + 1000);
        within.union([above])
    };
    let mut harness = TwoInputHarness::new(job);
    harness.push_left(7);
    harness.settle();
    harness.push_right("5".to_owned());
    harness.settle();
    [4, 6].into_iter().for_each(|n| harness.push_left(n));
    assert_eq!(sorted(harness.output()), [4, 7, 1006]);
    let mut restored = TwoInputHarness::restored(job, 3, &harness.snapshot());
    (1..9).for_each(|n| restored.push_left(n));
    assert_eq!(sorted(restored.output()), [1, 2, 3, 4, 5, 1006, 1007, 1008]);
}

#[test]
fn what_fails_goes_to_the_side_whichever_stream_it_is_of() {
    let job = |numbers: Stream<u64>, limits: Stream<String>| {
        let connected = numbers.connect(limits);
        let passed = connected.co_process_or("limit", Limit::default(), OnError::SideOutput(FAILED));
        passed.side_output(FAILED).map(|(record, error)| format!("{record}: {error}"))
    };
    let mut harness = TwoInputHarness::new(job);
    harness.push_left(0);
    harness.push_right("x".to_owned());
    assert_eq!(sorted(harness.output()), ["0: zero", "x: invalid digit found in string"]);
}

#[track_caller]
fn check_refused(build: impl FnOnce(&Environment), reason: &str) {
    let env = Environment::new("refused");
    build(&env);
    let error = env.execute().expect_err("a job that cannot be").to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn streams_of_two_environments_are_refused() {
    let other = Environment::new("other");
    let elsewhere = other.from_collection([1]).map(|n| n).map(|n| n);
    check_refused(
        |env| drop(env.from_collection([1]).connect(elsewhere).map(|n: i32| n, |n: i32| n).collect()),
        "make both streams from one",
    );
}

#[test]
fn an_operator_on_two_streams_cannot_be_blocking() {
    #[operator(blocking)]
    fn slow(of: Either<u64, u64>) -> u64 {
        of.into_inner()
    }

    check_refused(
        |env| drop(env.from_collection([1]).connect(env.from_collection([2])).apply(slow()).collect()),
        "do what blocks in an operator of its own",
    );
}

/// Sums of either stream per key, told for each record on the right, and forgotten by a timer so long after the last on the
/// left.
#[derive(KeyedOperator)]
#[operator(connect, name = "sums")]
struct Sums {
    #[state]
    sums: Value<(u64, u64)>,
    #[state]
    forget_at: Value<Timestamp>,
    #[param]
    patience: Duration,
}

/// What is told: the key, the instant of the timer if it was one, and the sums.
type Told = (u64, Option<i64>, u64, u64);

impl KeyedCoProcess for Sums {
    type Key = u64;
    type Left = (u64, u64);
    type Right = (u64, String);
    type Out = Told;

    fn process_left(
        &mut self,
        (_, n): (u64, u64),
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<Told>,
    ) -> Result<()> {
        self.sums.get_or_default().0 += n;
        if let Some(time) = ctx.timestamp() {
            let forget_at = time.saturating_add(self.patience);
            self.forget_at.take().into_iter().for_each(|earlier| ctx.delete_event_timer(earlier));
            self.forget_at.set(forget_at);
            ctx.set_event_timer(forget_at);
        }
        Ok(())
    }

    fn process_right(
        &mut self,
        (_, n): (u64, String),
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Told>,
    ) -> Result<()> {
        let sums = self.sums.get_or_default();
        sums.1 += n.parse::<u64>()?;
        out.emit((*ctx.key(), None, sums.0, sums.1));
        Ok(())
    }

    fn on_timer(&mut self, at: Timestamp, ctx: &mut KeyedContext<'_, u64>, out: &mut Collector<Told>) -> Result<()> {
        let (left, right) = self.sums.take().unwrap_or_default();
        self.forget_at.clear();
        out.emit((*ctx.key(), Some(at.as_millis()), left, right));
        Ok(())
    }
}

const PATIENCE: i64 = 20;

fn summed(left: Stream<(u64, u64)>, right: Stream<(u64, String)>) -> Stream<Told> {
    let sums = Sums::operator(Duration::from_millis(PATIENCE as u64));
    left.connect(right).key_by(|record| &record.0, |record| &record.0).apply(sums)
}

/// The same in the plainest way.
#[derive(Default)]
struct Oracle {
    sums: BTreeMap<u64, (u64, u64)>,
    timers: BTreeMap<u64, i64>,
    watermarks: (i64, i64),
}

#[derive(Debug, Clone)]
enum Do {
    Left(u64, u64, i64),
    Right(u64, u64),
    /// So much later on the left, and on the right.
    Watermark(i64, i64),
    /// Goes on from a snapshot at another parallelism, on any backend.
    Restore(usize, u64),
}

impl Oracle {
    /// What is told at a step, sorted.
    fn step(&mut self, step: &Do) -> Vec<Told> {
        match *step {
            Do::Left(key, n, later) => {
                self.sums.entry(key).or_default().0 += n;
                self.timers.insert(key, self.watermark() + later + PATIENCE);
                Vec::new()
            }
            Do::Right(key, n) => {
                let sums = self.sums.entry(key).or_default();
                sums.1 += n;
                vec![(key, None, sums.0, sums.1)]
            }
            Do::Watermark(left, right) => {
                self.watermarks = (self.watermarks.0 + left, self.watermarks.1 + right);
                let watermark = self.watermark();
                let due: Vec<_> = self.timers.extract_if(.., |_, at| *at <= watermark).collect();
                let told = due.into_iter().map(|(key, at)| {
                    let (left, right) = self.sums.remove(&key).unwrap_or_default();
                    (key, Some(at), left, right)
                });
                told.collect()
            }
            Do::Restore(..) => Vec::new(),
        }
    }

    fn watermark(&self) -> i64 {
        self.watermarks.0.min(self.watermarks.1)
    }
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let step = prop_oneof![
        4 => (0..8u64, 0..100u64, 0..30i64).prop_map(|(key, n, later)| Do::Left(key, n, later)),
        4 => (0..8u64, 0..100u64).prop_map(|(key, n)| Do::Right(key, n)),
        2 => (0..15i64, 0..15i64).prop_map(|(left, right)| Do::Watermark(left, right)),
        1 => (1..4usize, any::<u64>()).prop_map(|(parallelism, backend)| Do::Restore(parallelism, backend)),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn states_and_timers_of_both_streams_are_those_of_one_map(
        parallelism in 1..4usize,
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let mut oracle = Oracle::default();
        let mut harness = TwoInputHarness::with_backend(summed, parallelism, None, &any_backend(seed >> 8));
        harness.seed(seed);
        harness.watermark(at(0));
        harness.settle();
        for step in steps {
            match step {
                Do::Left(key, n, later) => harness.push_left_at((key, n), at(oracle.watermark() + later)),
                Do::Right(key, n) => harness.push_right((key, n.to_string())),
                Do::Watermark(left, right) => {
                    harness.watermark_left(at(oracle.watermarks.0 + left));
                    harness.watermark_right(at(oracle.watermarks.1 + right));
                }
                Do::Restore(parallelism, backend) => {
                    let snapshot = harness.snapshot();
                    harness =
                        TwoInputHarness::with_backend(summed, parallelism, Some(&snapshot), &any_backend(backend));
                    // As sources do that go on.
                    harness.watermark_left(at(oracle.watermarks.0));
                    harness.watermark_right(at(oracle.watermarks.1));
                }
            }
            prop_assert_eq!(sorted(harness.output()), oracle.step(&step), "at {:?}", step);
        }
    }
}
