//! Windows and joins of two inputs, each of which has a watermark of its own and is idle at times, against their definitions.

use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::TwoInputHarness;
use super::merged_time::MergedTime;
use crate::join::oracle::{IntervalOracle, Role, TemporalOracle, offset};
use crate::operator::OutputTag;
use crate::stream::Stream;
use crate::time::Timestamp;
use crate::window::oracle::{Firing, KeyOracle, Shape};
use crate::window::{Session, Sliding};

const KEYS: u64 = 4;
const LATE: OutputTag<Record> = OutputTag::new("late");
const LATE_RIGHT: OutputTag<Record> = OutputTag::new("late right");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    input: usize,
    key: u64,
    number: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Input, key, and how far ahead of the input's watermark.
    Record(usize, u64, i64),
    /// Input, and by how much its event time goes on.
    Watermark(usize, i64),
    Idle(usize),
}

/// How a job is run: where it is cut and restored, and in which order its subtasks take turns.
#[derive(Debug, Clone, Copy)]
struct Run {
    cut: usize,
    parallelism: (usize, usize),
    seed: u64,
}

/// What an operator sees.
enum Seen {
    Record(Record, i64),
    Watermark(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2usize, 0..KEYS, -20i64..40).prop_map(|(input, key, ahead)| Step::Record(input, key, ahead)),
        3 => (0..2usize, 0i64..30).prop_map(|(input, by)| Step::Watermark(input, by)),
        1 => (0..2usize).prop_map(Step::Idle),
    ];
    prop::collection::vec(step, 1..60)
}

fn runs() -> impl Strategy<Value = Run> {
    (0usize..80, (1usize..4, 1usize..4), any::<u64>()).prop_map(|(cut, parallelism, seed)| Run {
        cut,
        parallelism,
        seed,
    })
}

/// Runs a job, and compares its results after each step with what `expect` makes of what the operator sees.
fn check(
    job: impl Fn(Stream<Record>, Stream<Record>) -> Stream<String>,
    steps: &[Step],
    run: Run,
    mut expect: impl FnMut(Seen) -> Vec<String>,
) {
    let mut harness = TwoInputHarness::with_parallelism(&job, run.parallelism.0);
    harness.seed(run.seed);
    let (mut time, mut reached) = (MergedTime::of_inputs(2), [0; 2]);
    for (index, step) in steps.iter().enumerate() {
        if index == run.cut {
            let snapshot = harness.snapshot();
            harness = TwoInputHarness::restored(&job, run.parallelism.1, &snapshot);
            harness.seed(run.seed);
            time.restore();
        }
        let mut expected = Vec::new();
        match *step {
            Step::Record(input, key, ahead) => {
                let at = reached[input] + ahead;
                let record = Record { input, key, number: index as u64 };
                push(&mut harness, record, at);
                expected.extend(time.wake(input).map(Seen::Watermark));
                expected.push(Seen::Record(record, at));
            }
            Step::Watermark(input, by) => {
                reached[input] += by;
                watermark(&mut harness, input, reached[input]);
                expected.extend(time.advance(input, reached[input]).map(Seen::Watermark));
            }
            Step::Idle(input) => {
                if input == 0 {
                    harness.idle_left();
                } else {
                    harness.idle_right();
                }
                expected.extend(time.rest(input).map(Seen::Watermark));
            }
        }
        let mut expected: Vec<String> = expected.into_iter().flat_map(&mut expect).collect();
        let mut found = harness.output();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "at step {index}");
    }
}

fn push(harness: &mut TwoInputHarness<Record, Record, String>, record: Record, at: i64) {
    let at = Timestamp::from_millis(at);
    match record.input {
        0 => harness.push_left_at(record, at),
        _ => harness.push_right_at(record, at),
    }
}

fn watermark(harness: &mut TwoInputHarness<Record, Record, String>, input: usize, to: i64) {
    let to = Timestamp::from_millis(to);
    match input {
        0 => harness.watermark_left(to),
        _ => harness.watermark_right(to),
    }
}

fn late(record: &Record) -> String {
    format!("late {record:?}")
}

fn with_late(results: Stream<String>, tags: &[OutputTag<Record>]) -> Stream<String> {
    let late = tags.iter().map(|tag| results.side_output(*tag).map(|record| late(&record))).collect::<Vec<_>>();
    results.union(late)
}

fn fired((key, start, _, revision, numbers): Firing) -> String {
    format!("{key} {start} {revision} {numbers:?}")
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1i64..30, 1i64..30, 0i64..40).prop_map(|(size, slide, offset)| Shape::Regular { size, slide, offset }),
        (1i64..20).prop_map(|gap| Shape::Session { gap }),
    ]
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn window_job(shape: Shape) -> impl Fn(Stream<Record>, Stream<Record>) -> Stream<String> {
    move |left, right| {
        let records = left.union([right]).key_by(|record: &Record| &record.key);
        let windows = match shape {
            Shape::Regular { size, slide, offset } => {
                records.window(Sliding::of(millis(size), millis(slide)).offset(millis(offset)))
            }
            Shape::Session { gap } => records.window(Session::gap(millis(gap))),
        };
        let results = windows.late_output(LATE).process(|key, window, records, out| {
            let mut numbers: Vec<u64> = records.iter().map(|record: &Record| record.number).collect();
            numbers.sort_unstable();
            out.emit(fired((*key, window.start().as_millis(), 0, window.revision(), numbers)));
        });
        with_late(results, &[LATE])
    }
}

fn interval_job((lower, upper): (i64, i64)) -> impl Fn(Stream<Record>, Stream<Record>) -> Stream<String> {
    move |left, right| {
        let [left, right] = [left, right].map(|side| side.key_by(|record: &Record| &record.key));
        let join = left.interval_join(right).between(offset(lower), offset(upper));
        let join = join.left_late_output(LATE).right_late_output(LATE_RIGHT);
        with_late(join.apply(|left, right| format!("{} {}", left.number, right.number)), &[LATE, LATE_RIGHT])
    }
}

fn temporal_job(left: Stream<Record>, right: Stream<Record>) -> Stream<String> {
    let [left, right] = [left, right].map(|side| side.key_by(|record: &Record| &record.key));
    let join = left.temporal_join(right).left_late_output(LATE).right_late_output(LATE_RIGHT);
    let met = join.apply_left(|left, version| met(left.number, version.map(|version| version.number)));
    with_late(met, &[LATE, LATE_RIGHT])
}

fn met(left: u64, version: Option<u64>) -> String {
    format!("{left} {version:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_of_inputs_that_are_idle_at_times(shape in shapes(), steps in steps(), run in runs()) {
        let mut oracles: Vec<KeyOracle> = (0..KEYS).map(|key| KeyOracle::new(key, shape, 0)).collect();
        check(window_job(shape), &steps, run, |seen| match seen {
            Seen::Record(record, at) => match oracles[record.key as usize].record(at, record.number) {
                Some(firings) => firings.into_iter().map(fired).collect(),
                None => vec![late(&record)],
            },
            Seen::Watermark(to) => oracles.iter_mut().flat_map(|oracle| oracle.advance(to)).map(fired).collect(),
        });
    }

    #[test]
    fn interval_joins_of_inputs_that_are_idle_at_times(lower in -30i64..30, length in 0i64..40, steps in steps(), run in runs()) {
        let bounds = (lower, lower + length);
        let mut oracles = vec![IntervalOracle::default(); KEYS as usize];
        check(interval_job(bounds), &steps, run, |seen| match seen {
            Seen::Record(record, at) => {
                match oracles[record.key as usize].record(bounds, record.input == 0, at, record.number) {
                    Some(pairs) => pairs.iter().map(|(left, right, _)| format!("{left} {right}")).collect(),
                    None => vec![late(&record)],
                }
            }
            Seen::Watermark(to) => {
                oracles.iter_mut().for_each(|oracle| oracle.watermark = Some(to));
                Vec::new()
            }
        });
    }

    #[test]
    fn temporal_joins_of_inputs_that_are_idle_at_times(steps in steps(), run in runs()) {
        let mut oracles = vec![TemporalOracle::default(); KEYS as usize];
        check(temporal_job, &steps, run, |seen| match seen {
            Seen::Record(record, at) => {
                let role = if record.input == 0 { Role::Left } else { Role::Version };
                match oracles[record.key as usize].record(role, at, record.number) {
                    true => Vec::new(),
                    false => vec![late(&record)],
                }
            }
            Seen::Watermark(to) => {
                let all = oracles.iter_mut().flat_map(|oracle| oracle.advance(to));
                all.map(|(left, version, _)| met(left, version)).collect()
            }
        });
    }
}
