//! Joins in jobs against their definitions: through exchanges, on either backend, restored at another parallelism.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::oracle::{IntervalOracle, Role, TemporalOracle, offset};
use super::{CoGroup, JoinContext, ProcessJoin};
use crate::Result;
use crate::operator::{Collector, OutputTag};
use crate::state::{RocksDbSettings, StateBackend};
use crate::stream::{KeyedStream, Stream};
use crate::testing::Harness;
use crate::time::Timestamp;
use crate::window::oracle::{Firing, KeyOracle, Shape};
use crate::window::{Session, Sliding, WindowContext};

const KEYS: u64 = 6;
const LATE_LEFT: OutputTag<Record> = OutputTag::new("late left");
const LATE_RIGHT: OutputTag<Record> = OutputTag::new("late right");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    is_left: bool,
    key: u64,
    number: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Side, key, and how far ahead of the watermark.
    Record(bool, u64, i64),
    /// By how much event time goes on.
    Watermark(i64),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Pairs,
    Groups,
}

/// How a job is run: where it is cut and restored, and in which order its subtasks take turns.
#[derive(Debug, Clone, Copy)]
struct Run {
    cut: usize,
    parallelism: (usize, usize),
    seed: u64,
    backends: (bool, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (any::<bool>(), 0..KEYS, -60i64..60).prop_map(|(left, key, ahead)| Step::Record(left, key, ahead));
    prop::collection::vec(prop_oneof![6 => record, 1 => (0i64..30).prop_map(Step::Watermark)], 1..60)
}

fn runs() -> impl Strategy<Value = Run> {
    (0usize..60, (1usize..4, 1usize..4), any::<u64>(), any::<(bool, bool)>())
        .prop_map(|(cut, parallelism, seed, backends)| Run { cut, parallelism, seed, backends })
}

fn cases(cases: u32) -> ProptestConfig {
    let cases = std::env::var("MILLSTREAM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn sides(records: Stream<Record>) -> (KeyedStream<u64, Record>, KeyedStream<u64, Record>) {
    let side = |is_left| records.clone().filter(move |record| record.is_left == is_left).key_by(|record| &record.key);
    (side(true), side(false))
}

fn with_late(joined: Stream<String>) -> Stream<String> {
    let late = [LATE_LEFT, LATE_RIGHT].map(|tag| joined.side_output(tag).map(|record| late(&record)));
    joined.union(late)
}

fn late(record: &Record) -> String {
    format!("late {record:?}")
}

/// Runs a job, and compares its results after each step with what `expect` says of it, given the record or the watermark.
fn check(
    job: impl Fn(Stream<Record>) -> Stream<String>,
    steps: &[Step],
    run: Run,
    mut expect: impl FnMut(Result<(Record, i64), i64>) -> Vec<String>,
) {
    // With RocksDB, no row is held in memory longer than it has to.
    let backend = |rocksdb: bool| match rocksdb && cfg!(feature = "rocksdb") {
        true => StateBackend::RocksDb(RocksDbSettings { cache: 0, ..RocksDbSettings::default() }),
        false => StateBackend::Heap,
    };
    let mut harness = Harness::with_backend(&job, run.parallelism.0, None, &backend(run.backends.0));
    harness.seed(run.seed);
    let mut reached = 0;
    for (index, step) in steps.iter().enumerate() {
        if index == run.cut {
            let snapshot = harness.snapshot();
            harness = Harness::with_backend(&job, run.parallelism.1, Some(&snapshot), &backend(run.backends.1));
            harness.seed(run.seed);
        }
        let mut expected = match *step {
            Step::Record(is_left, key, ahead) => {
                let record = Record { is_left, key, number: index as u64 };
                harness.push_at(record, Timestamp::from_millis(reached + ahead));
                expect(Ok((record, reached + ahead)))
            }
            Step::Watermark(by) => {
                reached += by;
                harness.watermark(Timestamp::from_millis(reached));
                expect(Err(reached))
            }
        };
        let mut found = harness.output();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "at step {index}");
    }
}

/// Tells pairs with both event times and that of the result.
#[derive(Clone)]
struct Tell;

impl ProcessJoin for Tell {
    type Left = Record;
    type Right = Record;
    type Out = String;

    fn process(
        &mut self,
        left: &Record,
        right: &Record,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let later = ctx.left_timestamp().max(ctx.right_timestamp());
        assert_eq!(ctx.timestamp(), Some(later));
        out.emit(format!("{} {} {}", left.number, right.number, later.as_millis()));
        Ok(())
    }
}

/// Tells groups with their windows.
#[derive(Clone)]
struct TellGroup;

impl CoGroup for TellGroup {
    type Left = Record;
    type Right = Record;
    type Out = String;

    fn co_group(
        &self,
        left: &[Record],
        right: &[Record],
        window: &mut WindowContext<'_>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let [left, right] = [left, right].map(|side| {
            let mut numbers: Vec<u64> = side.iter().map(|record| record.number).collect();
            numbers.sort_unstable();
            numbers
        });
        out.emit(group(window.start().as_millis(), window.revision(), &left, &right));
        Ok(())
    }
}

fn group(start: i64, revision: u32, left: &[u64], right: &[u64]) -> String {
    format!("{start} {revision} {left:?} {right:?}")
}

fn window_job(kind: Kind, shape: Shape, lateness: i64) -> impl Fn(Stream<Record>) -> Stream<String> {
    macro_rules! windowed {
        ($join:expr) => {{
            let join = $join;
            let join = match shape {
                Shape::Regular { size, slide, offset } => {
                    join.window(Sliding::of(millis(size), millis(slide)).offset(millis(offset)))
                }
                Shape::Session { gap } => join.window(Session::gap(millis(gap))),
            };
            join.allowed_lateness(millis(lateness)).left_late_output(LATE_LEFT).right_late_output(LATE_RIGHT)
        }};
    }
    move |records| {
        let (left, right) = sides(records);
        with_late(match kind {
            Kind::Pairs => windowed!(left.join(right)).apply(|left, right| format!("{} {}", left.number, right.number)),
            Kind::Groups => windowed!(left.co_group(right)).process("tell", TellGroup),
        })
    }
}

/// What a join makes of a firing window.
fn results(kind: Kind, (_, start, _, revision, numbers): Firing, lefts: &[u64]) -> Vec<String> {
    let (left, right): (Vec<u64>, Vec<u64>) = numbers.into_iter().partition(|number| lefts.contains(number));
    match kind {
        Kind::Groups => vec![group(start, revision, &left, &right)],
        Kind::Pairs => left.iter().flat_map(|left| right.iter().map(move |right| format!("{left} {right}"))).collect(),
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1i64..30, 1i64..30, 0i64..40).prop_map(|(size, slide, offset)| Shape::Regular { size, slide, offset }),
        (1i64..20).prop_map(|gap| Shape::Session { gap }),
    ]
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn window_joins_and_co_groups_are_what_their_definition_says(
        kind in prop_oneof![Just(Kind::Pairs), Just(Kind::Groups)],
        shape in shapes(),
        lateness in (-20i64..20).prop_map(|lateness| lateness.max(0)),
        steps in steps(),
        run in runs(),
    ) {
        let mut oracles: BTreeMap<u64, KeyOracle> =
            (0..KEYS).map(|key| (key, KeyOracle::new(key, shape, lateness))).collect();
        let mut lefts = Vec::new();
        check(window_job(kind, shape, lateness), &steps, run, |event| {
            let firings = match event {
                Ok((record, time)) => {
                    if record.is_left {
                        lefts.push(record.number);
                    }
                    match oracles.get_mut(&record.key).unwrap().record(time, record.number) {
                        Some(firings) => firings,
                        None => return vec![late(&record)],
                    }
                }
                Err(watermark) => oracles.values_mut().flat_map(|oracle| oracle.advance(watermark)).collect(),
            };
            firings.into_iter().flat_map(|firing| results(kind, firing, &lefts)).collect()
        });
    }

    #[test]
    fn an_interval_join_in_a_job_is_what_its_definition_says(
        lower in -30i64..30,
        length in 2i64..40,
        exclusive in any::<(bool, bool)>(),
        steps in steps(),
        run in runs(),
    ) {
        let job = |records: Stream<Record>| {
            let (left, right) = sides(records);
            let mut join = left.interval_join(right).between(offset(lower), offset(lower + length));
            if exclusive.0 {
                join = join.lower_exclusive();
            }
            if exclusive.1 {
                join = join.upper_exclusive();
            }
            with_late(join.left_late_output(LATE_LEFT).right_late_output(LATE_RIGHT).process("tell", Tell))
        };
        let bounds = (lower + i64::from(exclusive.0), lower + length - i64::from(exclusive.1));
        let mut oracles = vec![IntervalOracle::default(); KEYS as usize];
        check(job, &steps, run, |event| match event {
            Ok((record, time)) => {
                let oracle = &mut oracles[record.key as usize];
                match oracle.record(bounds, record.is_left, time, record.number) {
                    Some(pairs) => pairs.iter().map(|(left, right, time)| format!("{left} {right} {time}")).collect(),
                    None => vec![late(&record)],
                }
            }
            Err(watermark) => {
                oracles.iter_mut().for_each(|oracle| oracle.watermark = Some(watermark));
                Vec::new()
            }
        });
    }
}

/// Every fifth record on the right is no version, but ends the one before.
fn is_end(record: &Record) -> bool {
    record.number.is_multiple_of(5)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_temporal_join_in_a_job_is_what_its_definition_says(keeps_all in any::<bool>(), steps in steps(), run in runs()) {
        let job = |records: Stream<Record>| {
            let (left, right) = sides(records);
            let join = left.temporal_join(right).ended_by(is_end);
            let join = join.left_late_output(LATE_LEFT).right_late_output(LATE_RIGHT);
            with_late(match keeps_all {
                true => join.apply_left(|left, version| met(left.number, version.map(|version| version.number))),
                false => join.apply(|left, version| met(left.number, Some(version.number))),
            })
        };
        let mut oracles = vec![TemporalOracle::default(); KEYS as usize];
        check(job, &steps, run, |event| match event {
            Ok((record, time)) => {
                let role = match record.is_left {
                    true => Role::Left,
                    false if is_end(&record) => Role::End,
                    false => Role::Version,
                };
                match oracles[record.key as usize].record(role, time, record.number) {
                    true => Vec::new(),
                    false => vec![late(&record)],
                }
            }
            Err(watermark) => {
                let all = oracles.iter_mut().flat_map(|oracle| oracle.advance(watermark));
                all.filter(|(_, version, _)| keeps_all || version.is_some())
                    .map(|(left, version, _)| met(left, version))
                    .collect()
            }
        });
    }
}

fn met(left: u64, version: Option<u64>) -> String {
    format!("{left} {version:?}")
}

#[test]
fn a_window_of_very_many_pairs_goes_on_where_a_full_output_stopped_it() {
    let job = |records: Stream<Record>| {
        let (left, right) = sides(records);
        let join = left.join(right).window(Sliding::of(millis(10), millis(10)));
        // An exchange behind the join, whose credits are few.
        join.apply(|left, right| (left.number, right.number)).rebalance().map(|pair| pair)
    };
    let mut harness = Harness::with_parallelism(job, 2);
    for number in 0..1000 {
        harness.push_at(Record { is_left: number % 2 == 0, key: 1, number }, Timestamp::from_millis(5));
    }
    harness.watermark(Timestamp::from_millis(20));
    let mut pairs = harness.output();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), 500 * 500);
}

#[test]
fn windows_and_bounds_that_cannot_be_are_told_when_the_job_is_planned() {
    type Join = fn(KeyedStream<u64, Record>, KeyedStream<u64, Record>) -> Stream<String>;
    let check = |job: Join, expected: &str| {
        let env = crate::stream::Environment::new("invalid");
        let (left, right) = sides(env.from_collection(Vec::<Record>::new()));
        job(left, right).collect();
        let error = env.execute().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        |left, right| left.interval_join(right).between(offset(5), offset(4)).apply(|_, _| String::new()),
        "interval join pairs records between After(5ms) and After(4ms)",
    );
    check(
        |left, right| left.join(right).window(Session::gap(Duration::ZERO)).apply(|_, _| String::new()),
        "the window's gap is 0ns",
    );
}
