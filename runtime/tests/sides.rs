//! Where records go: side outputs, rejects, the ways to spread a stream, slots of their own.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use common::within_a_minute;
use millstream::JobError;
use millstream::connector::{
    Boundedness, GeneratorSource, IndexEnumerator, IndexEnumeratorState, IndexSplit, Read, ReadBuffer, Reader,
    ReaderContext, Source, SourceError, Split,
};
use millstream::operator::OnError;
use millstream::prelude::*;
use millstream::window::{EventTimeTrigger, Global};

const ODD: OutputTag<u64> = OutputTag::new("odd");
const TENS: OutputTag<String> = OutputTag::new("tens");
const FAILED: OutputTag<(u64, String)> = OutputTag::new("failed");

/// Sends odd numbers one way, tells of multiples of ten another, and fails at multiples of seven.
#[derive(Clone)]
struct Sort {
    fails: bool,
}

impl Process for Sort {
    type In = u64;
    type Out = u64;

    fn process(&mut self, value: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        anyhow::ensure!(!(self.fails && value.is_multiple_of(7)), "{value} is a multiple of seven");
        if value.is_multiple_of(10) {
            ctx.output(TENS, format!("{value}"));
        }
        if value % 2 == 1 {
            assert!(ctx.output(ODD, value), "somebody reads it");
        } else {
            out.emit(value);
        }
        Ok(())
    }
}

fn those(range: std::ops::Range<u64>, which: impl Fn(&u64) -> bool) -> Vec<u64> {
    range.filter(which).collect()
}

#[test]
fn each_record_goes_to_the_output_it_was_sent_to() {
    for parallelism in [1, 3] {
        let env = Environment::new("sides");
        env.set_parallelism(parallelism);
        let even = env.from_collection(0..10_000u64).process("sort", Sort { fails: false });
        // One read by two operators, one behind an exchange.
        let odd = even.side_output(ODD);
        let (odd, odd_keyed) = (odd.clone().collect(), odd.key_by_owned(|n| n % 4).count().collect());
        let tens = even.side_output(TENS).rebalance().map(|text| text.parse::<u64>().unwrap()).collect();
        let even = even.collect();
        within_a_minute(|| env.execute().unwrap());
        assert_eq!(even.take_sorted(), those(0..10_000, |n| n % 2 == 0));
        assert_eq!(odd.take_sorted(), those(0..10_000, |n| n % 2 == 1));
        assert_eq!(odd_keyed.len(), 5000);
        assert_eq!(tens.take_sorted(), those(0..10_000, |n| n % 10 == 0));
    }
}

#[test]
fn an_output_that_nobody_reads_is_dropped_and_its_sender_told() {
    #[derive(Clone)]
    struct Ask;

    impl Process for Ask {
        type In = u64;
        type Out = (bool, bool);

        fn process(&mut self, value: u64, ctx: &mut Context<'_>, out: &mut Collector<(bool, bool)>) -> Result<()> {
            out.emit((ctx.output(ODD, value), ctx.output(TENS, String::new())));
            Ok(())
        }
    }

    let env = Environment::new("unread");
    let asked = env.from_collection([1u64]).process("ask", Ask);
    asked.side_output(TENS).collect();
    let answers = asked.collect();
    env.execute().unwrap();
    assert_eq!(answers.take(), [(false, true)]);
}

/// How the job has ended, and the records that failed.
type Outcome = (Result<Vec<u64>, JobError>, Vec<(u64, String)>);

/// The records on which `Sort` fails are dealt with by a policy; answers with the others and with the failed ones.
fn with_policy(on_error: OnError<u64>, blocking: bool) -> Outcome {
    let env = Environment::new("policy");
    env.set_parallelism(2);
    let numbers = env.from_collection(0..100u64).filter(|n| n % 2 == 0);
    let sorted = match blocking {
        false => numbers.process_or("sort", Sort { fails: true }, on_error),
        true => numbers.process_blocking("sort", Sort { fails: true }, 3, on_error),
    };
    let failed = sorted.side_output(FAILED).collect();
    let sorted = sorted.collect();
    let ended = within_a_minute(|| env.execute());
    (ended.map(|_| sorted.take_sorted()), failed.take_sorted())
}

#[test]
fn a_record_that_fails_goes_where_the_policy_says() {
    let good = those(0..100, |n| n % 2 == 0 && n % 7 != 0);
    let bad: Vec<(u64, String)> = (0..100).step_by(14).map(|n| (n, format!("{n} is a multiple of seven"))).collect();
    for blocking in [false, true] {
        let (ended, failed) = with_policy(OnError::Skip, blocking);
        assert_eq!((ended.unwrap(), failed), (good.clone(), Vec::new()));
        let (ended, failed) = with_policy(OnError::SideOutput(FAILED), blocking);
        assert_eq!((ended.unwrap(), failed), (good.clone(), bad.clone()));
        let (ended, _) = with_policy(OnError::Fail, blocking);
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("`sort`, subtask ") && error.contains("is a multiple of seven"), "{error}");
    }
}

/// Every third record is malformed, and every fifth is left out.
struct Partly;

impl Source for Partly {
    type Out = u64;
    type Split = IndexSplit;
    type Enumerator = IndexEnumerator;
    type Reader = PartlyReader;

    fn name(&self) -> String {
        "partly".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(&self, restored: Option<IndexEnumeratorState>) -> Result<IndexEnumerator, SourceError> {
        // A split for each reader.
        GeneratorSource::new(2, |n| n).enumerator(restored)
    }

    fn reader(&self, _: ReaderContext) -> Result<PartlyReader, SourceError> {
        Ok(PartlyReader { splits: Vec::new(), next: 0 })
    }
}

struct PartlyReader {
    splits: Vec<IndexSplit>,
    next: u64,
}

impl Reader for PartlyReader {
    type Out = u64;
    type Split = IndexSplit;

    fn add(&mut self, split: IndexSplit) -> Result<(), SourceError> {
        self.splits.push(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<u64>) -> Result<Read, SourceError> {
        let Some(split) = self.splits.last() else { return Ok(Read::NoSplits) };
        let id = split.id().into();
        while !out.is_full() {
            if self.next == 3000 {
                self.next = 0;
                self.splits.pop();
                return Ok(Read::EndOf(id));
            }
            let number = self.next;
            self.next += 1;
            match number {
                n if n % 3 == 0 => out.reject(format!("record {n}: odd"), n.to_string()),
                n if n % 5 == 0 => out.skip(),
                n => out.push(n),
            }
        }
        Ok(Read::From(id))
    }

    fn position(&self, split: &str) -> Option<IndexSplit> {
        self.splits.iter().find(|own| own.id() == split).cloned()
    }
}

#[test]
fn what_a_source_rejects_can_be_read() {
    let env = Environment::new("rejects");
    env.set_parallelism(2);
    let partly = env.source(Partly);
    let rejected = partly.rejected().collect();
    let good = partly.collect();
    let summary = within_a_minute(|| env.execute().unwrap());
    let rejected = rejected.take_sorted();
    assert_eq!(rejected.len(), 2000, "two splits of 3000 records");
    assert!(rejected.contains(&("record 33: odd".to_owned(), "33".to_owned())));
    assert_eq!(good.len(), 2 * those(0..3000, |n| n % 3 != 0 && n % 5 != 0).len());
    assert_eq!(summary.records_read, good.len() as u64);
}

/// Which subtask each record has reached.
struct Where<T>(PhantomData<fn(T)>);

impl<T> Where<T> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for Where<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T: Data> Process for Where<T> {
    type In = T;
    type Out = (usize, T);

    fn process(&mut self, value: T, ctx: &mut Context<'_>, out: &mut Collector<(usize, T)>) -> Result<()> {
        out.emit((ctx.subtask_index(), value));
        Ok(())
    }
}

/// Sends 3000 numbers from so many subtasks to so many others, which end up with these.
fn spread(senders: usize, receivers: usize, by: impl FnOnce(Stream<u64>) -> Stream<u64>) -> BTreeMap<usize, Vec<u64>> {
    let env = Environment::new("spread");
    env.set_parallelism(receivers);
    let reached = by(env.from_collection(0..3000u64).parallelism(senders)).process("where", Where::new()).collect();
    within_a_minute(|| env.execute().unwrap());
    let mut by_subtask: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    reached.take_sorted().into_iter().for_each(|(subtask, value)| by_subtask.entry(subtask).or_default().push(value));
    by_subtask
}

const WIDTHS: [(usize, usize); 5] = [(1, 1), (1, 4), (4, 1), (2, 3), (3, 2)];

#[track_caller]
fn each_once(reached: &BTreeMap<usize, Vec<u64>>) {
    let mut all: Vec<u64> = reached.values().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..3000).collect::<Vec<_>>());
}

#[test]
fn rebalance_gives_every_subtask_its_share() {
    for (senders, receivers) in WIDTHS {
        let reached = spread(senders, receivers, Stream::rebalance);
        each_once(&reached);
        let share = 3000 / receivers;
        assert!(reached.values().all(|values| values.len().abs_diff(share) <= senders), "{senders} to {receivers}");
    }
}

#[test]
fn shuffle_reaches_every_subtask() {
    for (senders, receivers) in WIDTHS {
        let reached = spread(senders, receivers, Stream::shuffle);
        each_once(&reached);
        let share = 3000 / receivers;
        assert!(reached.values().all(|values| values.len().abs_diff(share) < 300), "{senders} to {receivers}");
    }
}

#[test]
fn rescale_keeps_to_the_subtasks_that_fall_to_the_sender() {
    for (senders, receivers) in WIDTHS {
        each_once(&spread(senders, receivers, Stream::rescale));
    }
    let env = Environment::new("rescale");
    let from = env.from_collection(0..3000u64).process("from", Where::new());
    let reached = from.parallelism(4).rescale().process("to", Where::new()).parallelism(8).collect();
    within_a_minute(|| env.execute().unwrap());
    assert!(reached.take().into_iter().all(|(to, (from, _))| to / 2 == from));
}

#[test]
fn broadcast_reaches_every_subtask_with_every_record() {
    for (senders, receivers) in WIDTHS {
        let reached = spread(senders, receivers, Stream::broadcast);
        assert_eq!(reached.len(), receivers);
        for values in reached.values() {
            assert_eq!(*values, (0..3000).collect::<Vec<_>>(), "{senders} to {receivers}");
        }
    }
}

#[test]
fn global_reaches_the_first_subtask_only() {
    for (senders, receivers) in WIDTHS {
        let reached = spread(senders, receivers, Stream::global);
        each_once(&reached);
        assert_eq!(reached.into_keys().collect::<Vec<_>>(), [0]);
    }
}

#[test]
fn a_function_can_pick_the_subtask() {
    for (senders, receivers) in WIDTHS {
        let reached = spread(senders, receivers, |numbers| {
            numbers.partition_by(|value, subtasks| {
                // The last, and a number that is too high, which counts from the beginning again.
                if value % 2 == 0 { subtasks - 1 } else { subtasks }
            })
        });
        each_once(&reached);
        for (subtask, values) in reached {
            let last = receivers - 1;
            let expected = |value: &u64| subtask == if value.is_multiple_of(2) { last } else { 0 };
            assert!(values.iter().all(expected), "subtask {subtask} of {receivers}");
        }
    }
}

#[test]
fn keys_meet_in_one_subtask_wherever_they_come_from() {
    for (senders, receivers) in WIDTHS {
        let env = Environment::new("keys");
        env.set_parallelism(senders);
        let some = env.from_collection(0..1000u64);
        let others = env.from_collection(0..1000u64).map(|n| n + 10);
        let counts = some.union([others]).key_by_owned(|n| n % 10).window(Global).trigger(EventTimeTrigger).count();
        let counts = counts.parallelism(receivers).collect();
        within_a_minute(|| env.execute().unwrap());
        assert_eq!(counts.take_sorted(), (0..10).map(|key| (key, 200)).collect::<Vec<_>>());
    }
}

#[test]
fn slots_of_their_own_change_no_result() {
    let thread = || format!("{:?}", std::thread::current().id());
    let env = Environment::new("slots");
    env.set_parallelism(2);
    let heavy = env.from_collection(0..1000u64).map(|n| n * 2).slot_sharing_group("heavy");
    let threads = heavy
        .map(move |n| (n, thread()))
        .rebalance()
        .map(move |(n, there)| (n, there == thread()))
        .slot_sharing_group("light")
        .collect();
    let job = env.build().unwrap();
    assert!(job.plan().to_text().contains("6 slots"), "{}", job.plan().to_text());
    within_a_minute(|| job.run().unwrap());
    let mut reached = threads.take();
    reached.sort_unstable();
    assert_eq!(reached, (0..1000).map(|n| (n * 2, false)).collect::<Vec<_>>());
}

#[test]
fn a_job_can_be_run_from_inside_a_tokio_runtime() {
    let count = |env: &Environment| {
        env.set_parallelism(2);
        env.from_collection(0..100u64).key_by_owned(|n| n % 2).count().collect()
    };
    within_a_minute(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let env = Environment::new("waiting");
            let counts = count(&env);
            env.execute().unwrap();
            assert_eq!(counts.len(), 100);

            // Two at once, on the one thread of the runtime.
            let envs = ["one", "two"].map(Environment::new);
            let collected = [0, 1].map(|at| count(&envs[at]));
            let [one, two] = [0, 1].map(|at| tokio::spawn(envs[at].execute_async()));
            one.await.unwrap().unwrap();
            two.await.unwrap().unwrap();
            assert!(collected.iter().all(|counts| counts.len() == 100));

            let env = Environment::new("refused");
            let error = env.execute_async().await.unwrap_err();
            assert!(matches!(error, JobError::Build(_)), "{error}");
        });
    });
}

#[test]
fn blocking_calls_keep_their_place_between_keyed_steps() {
    /// Takes longest for the first of four records.
    #[derive(Clone)]
    struct Wait;

    impl Process for Wait {
        type In = (u64, u64);
        type Out = (u64, u64);

        fn process(&mut self, value: (u64, u64), _: &mut Context<'_>, out: &mut Collector<(u64, u64)>) -> Result<()> {
            std::thread::sleep(Duration::from_micros(200 * (3 - value.1 % 4)));
            out.emit(value);
            Ok(())
        }
    }

    let env = Environment::new("blocking");
    env.set_parallelism(2);
    let counts = env
        .from_collection(0..400u64)
        .key_by_owned(|n| n % 5)
        .count()
        .process_blocking("wait", Wait, 4, OnError::Fail)
        .key_by(|(key, _)| key)
        // Counts come in order, so the maximum so far is the count itself.
        .max(|(_, count)| *count)
        .collect();
    within_a_minute(|| env.execute().unwrap());
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for (key, highest) in counts.take() {
        let count = seen.entry(key).or_default();
        *count += 1;
        assert_eq!(*count, highest, "a count of key {key} has overtaken another");
    }
    assert_eq!(seen, (0..5).map(|key| (key, 80)).collect());
}
