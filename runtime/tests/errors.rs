//! A part of a job that fails or panics ends the job, with an error that says what, in which operator, and where.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use common::within_a_minute;
use millstream::channel::batch::Consume;
use millstream::connector::{
    Assignment, Boundedness, Committer, Enumerator, ForEachSink, GeneratorSource, Guarantee, IndexEnumerator,
    IndexEnumeratorState, IndexReader, IndexSplit, Read, ReadBuffer, Reader, ReaderContext, Sink, SinkContext,
    SinkError, SinkWriter, Source, SourceError,
};
use millstream::prelude::*;
use millstream::window::Tumbling;

/// Runs a job that must fail; the message must hold all parts.
#[track_caller]
fn fails(build: impl FnOnce(&Environment), parts: &[&str]) {
    let env = Environment::new("fails");
    env.set_parallelism(2);
    build(&env);
    let error = within_a_minute(|| env.execute()).expect_err("the job has ended well");
    let message = error.to_string();
    for part in parts {
        assert_eq!(message.matches(part).count(), 1, "`{part}` is not there once: {message}");
    }
}

/// The numbers below 10,000 with as many seconds as event times.
fn numbers(env: &Environment) -> Stream<u64> {
    let event_time = |n: &u64| Timestamp::from_millis(*n as i64 * 1000);
    env.from_collection(0..10_000u64).name("numbers").watermarks(WatermarkStrategy::monotonous().timestamps(event_time))
}

/// 4801 seconds.
const AT_4801: &str = "event time 1970-01-01T01:20:01Z";

/// Where in its life a function fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Open,
    Process,
    Timer,
    Close,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Error,
    Panic,
}

/// Fails in one of its calls; if that has no record, in subtask 1.
#[derive(Debug, Clone)]
struct Faulty {
    call: Call,
    how: How,
}

impl Faulty {
    fn maybe(&self, call: Call, ctx: &Context<'_>) -> Result<()> {
        // Which subtask has the record is not for a test to say.
        if self.call == call && (ctx.subtask_index() == 1 || matches!(call, Call::Process | Call::Timer)) {
            match self.how {
                How::Error => anyhow::bail!("out of cheese"),
                How::Panic => panic!("out of cheese"),
            }
        }
        Ok(())
    }
}

impl Process for Faulty {
    type In = u64;
    type Out = u64;

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.maybe(Call::Open, ctx)
    }

    fn process(&mut self, value: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        out.emit(value);
        if value == 4801 { self.maybe(Call::Process, ctx) } else { Ok(()) }
    }

    fn close(&mut self, ctx: &mut Context<'_>, _out: &mut Collector<u64>) -> Result<()> {
        self.maybe(Call::Close, ctx)
    }
}

/// The same as an operator with keys.
#[derive(Debug, Clone)]
struct KeyedFaulty(Faulty);

impl KeyedOperator<u64> for KeyedFaulty {
    type In = u64;
    type Out = u64;
    type State = (Value<u64>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("last")]
    }

    fn new_state(&self) -> Self::State {
        Self::State::default()
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.0.maybe(Call::Open, ctx)
    }

    fn process(
        &mut self,
        value: u64,
        (last,): &mut Self::State,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<u64>,
    ) -> Result<()> {
        last.set(value);
        out.emit(value);
        if value == 4801 {
            ctx.set_event_timer(Timestamp::from_millis(4_801_000));
            return self.0.maybe(Call::Process, ctx);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _at: Timestamp,
        _state: &mut Self::State,
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<u64>,
    ) -> Result<()> {
        self.0.maybe(Call::Timer, ctx)
    }

    fn close(&mut self, ctx: &mut Context<'_>, _out: &mut Collector<u64>) -> Result<()> {
        self.0.maybe(Call::Close, ctx)
    }
}

#[test]
fn a_function_that_fails_is_named_with_its_subtask_and_record() {
    for how in [How::Error, How::Panic] {
        for call in [Call::Open, Call::Process, Call::Close] {
            let faulty = Faulty { call, how };
            let site = if call == Call::Process { AT_4801 } else { "subtask 1: " };
            let mut parts = vec!["operator `faulty`, subtask ", "out of cheese", site];
            parts.extend(matches!(how, How::Panic).then_some("panicked: "));
            fails(|env| drop(numbers(env).process("faulty", faulty.clone()).collect()), &parts);
            // In a chain of its own, between others.
            let alone = |env: &Environment| {
                numbers(env).process("faulty", faulty.clone()).disable_chaining().map(|n| n).collect();
            };
            fails(alone, &parts);
        }
    }
}

#[test]
fn a_keyed_function_that_fails_is_named_with_its_subtask_and_record() {
    for how in [How::Error, How::Panic] {
        for call in [Call::Open, Call::Process, Call::Timer, Call::Close] {
            let with_record = matches!(call, Call::Process | Call::Timer);
            let site = if with_record { AT_4801 } else { "subtask 1: " };
            let parts = ["operator `faulty`, subtask ", "out of cheese", site];
            let faulty = KeyedFaulty(Faulty { call, how });
            fails(|env| drop(numbers(env).key_by(|n| n).process("faulty", faulty).collect()), &parts);
        }
    }
}

type Step = fn(Stream<u64>) -> Stream<u64>;

#[test]
fn closures_that_panic_are_named_with_the_record() {
    let cases: [(&str, Step); 3] = [
        ("map", |numbers| numbers.map(|n| 1 / (n ^ 4801) + n)),
        ("filter", |numbers| numbers.filter(|n| 1 / (n ^ 4801) < 2)),
        ("flat_map", |numbers| numbers.flat_map(|n| vec![n; (1 / (n ^ 4801)) as usize])),
    ];
    for (name, faulty) in cases {
        let operator = format!("operator `{name}`, subtask ");
        fails(|env| drop(faulty(numbers(env)).collect()), &[&operator, AT_4801, "panicked: attempt to divide by zero"]);
    }
}

#[test]
fn a_key_that_panics_is_named_with_the_record() {
    let parts = ["operator `map -> count`, subtask ", "panicked: no key", AT_4801];
    let key = |n: &u64| {
        assert!(*n != 4801, "no key");
        n % 10
    };
    fails(|env| drop(numbers(env).map(|n| n).key_by_owned(key).count().collect()), &parts);
}

#[test]
fn a_partitioner_that_panics_is_named_with_the_record() {
    let pick = |n: &u64, subtasks: usize| {
        assert!(*n != 4801, "nowhere");
        *n as usize % subtasks
    };
    let parts = ["operator `watermarks -> map`, subtask ", "panicked: nowhere", AT_4801];
    fails(|env| drop(numbers(env).partition_by(pick).map(|n| n).collect()), &parts);
}

#[test]
fn event_times_that_panic_name_their_operator() {
    let strategy = WatermarkStrategy::monotonous().timestamps(|n: &u64| {
        assert!(*n != 4801, "no time");
        Timestamp::from_millis(0)
    });
    let parts = ["operator `watermarks`, subtask ", "panicked: no time"];
    fails(|env| drop(env.from_collection(0..10_000u64).watermarks(strategy).collect()), &parts);
}

#[test]
fn a_window_that_panics_is_named() {
    let windows = |env: &Environment| {
        numbers(env)
            .key_by_owned(|_| 0u8)
            .window(Tumbling::of(Duration::from_secs(100)))
            .process(|_, window, _, out: &mut Collector<u64>| {
                assert!(window.end() < Timestamp::from_millis(4_850_000), "too late for this");
                out.emit(1);
            })
            .name("windows")
            .collect();
    };
    let last = "event time 1970-01-01T01:21:39.999Z";
    fails(windows, &["operator `windows`, subtask ", "panicked: too late for this", last]);
}

#[test]
fn a_panic_on_a_blocking_thread_is_named_with_the_record() {
    let parts = ["operator `faulty`, subtask ", "out of cheese", AT_4801];
    for how in [How::Error, How::Panic] {
        let faulty = Faulty { call: Call::Process, how };
        let blocking = |env: &Environment| {
            numbers(env).process_blocking("faulty", faulty, 8, millstream::operator::OnError::Fail).collect();
        };
        fails(blocking, &parts);
    }
}

/// Fails at a record, in one of these ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    MakeWriter,
    PanicMakingWriter,
    Write,
    PanicWriting,
    Flush,
    Prepare,
    PanicPreparing,
    MakeCommitter,
    Commit,
    PanicCommitting,
}

/// A sink in which something fails.
#[derive(Debug, Clone, Copy)]
struct BadSink {
    fault: Fault,
    may_block: bool,
}

fn disk_full() -> SinkError {
    SinkError::Io { what: "cannot write".to_owned(), error: std::io::Error::other("disk full") }
}

impl Sink for BadSink {
    type In = u64;
    type Committable = ();
    type Writer = Self;
    type Committer = Self;

    fn name(&self) -> String {
        "bad sink".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn may_block(&self) -> bool {
        self.may_block
    }

    fn writer(&self, ctx: SinkContext) -> Result<Self, SinkError> {
        match self.fault {
            Fault::MakeWriter if ctx.subtask == 1 => Err(disk_full()),
            Fault::PanicMakingWriter if ctx.subtask == 1 => panic!("disk full"),
            _ => Ok(*self),
        }
    }

    fn committer(&self) -> Result<Self, SinkError> {
        if self.fault == Fault::MakeCommitter { Err(disk_full()) } else { Ok(*self) }
    }
}

impl SinkWriter for BadSink {
    type In = u64;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, u64>) -> Result<(), SinkError> {
        for value in records {
            match self.fault {
                Fault::Write if value == 4801 => return Err(disk_full()),
                Fault::PanicWriting if value == 4801 => panic!("disk full"),
                _ => {}
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.fault == Fault::Flush { Err(disk_full()) } else { Ok(()) }
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        match self.fault {
            Fault::Prepare => Err(disk_full()),
            Fault::PanicPreparing => panic!("disk full"),
            _ => Ok(vec![()]),
        }
    }
}

impl Committer for BadSink {
    type Committable = ();

    fn commit(&mut self, _: Vec<()>) -> Result<(), SinkError> {
        match self.fault {
            Fault::Commit => Err(disk_full()),
            Fault::PanicCommitting => panic!("disk full"),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_sink_that_fails_is_named_with_its_subtask_and_record() {
    for may_block in [true, false] {
        for (fault, parts) in [
            (Fault::MakeWriter, ["operator `bad sink`, subtask 1: cannot write: disk full", ""]),
            (Fault::PanicMakingWriter, ["operator `bad sink`, subtask 1: panicked: disk full", ""]),
            (Fault::Write, ["operator `bad sink`, subtask ", AT_4801]),
            (Fault::PanicWriting, ["operator `bad sink`, subtask ", AT_4801]),
            (Fault::Prepare, ["operator `bad sink`, subtask ", "cannot write"]),
            (Fault::PanicPreparing, ["operator `bad sink`, subtask ", "panicked"]),
        ] {
            let bad = BadSink { fault, may_block };
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).chain(["disk full"]).collect();
            fails(|env| drop(numbers(env).sink(bad)), &parts);
        }
    }
}

#[test]
fn a_sink_that_cannot_flush_is_named() {
    for may_block in [true, false] {
        let bad = BadSink { fault: Fault::Flush, may_block };
        let slowly = GeneratorSource::new(100, |n| n).rate(2000.0);
        fails(|env| drop(env.source(slowly).sink(bad)), &["operator `bad sink`, subtask ", "disk full"]);
    }
}

#[test]
fn output_that_cannot_be_committed_is_an_error() {
    let complete = "sink `bad sink`: the output is complete but could not be committed: ";
    for (fault, what, why) in [
        (Fault::MakeCommitter, "sink `bad sink`: the committer cannot start: ", "cannot write: disk full"),
        (Fault::Commit, complete, "cannot write: disk full"),
        (Fault::PanicCommitting, complete, "panicked: disk full"),
    ] {
        let bad = BadSink { fault, may_block: true };
        fails(|env| drop(numbers(env).sink(bad)), &[what, why]);
    }
}

/// Where a source fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    MakeEnumerator,
    PanicMakingEnumerator,
    Discover,
    PanicDiscovering,
    PanicAssigning,
    MakeReader,
    PanicMakingReader,
    Add,
    Read,
    PanicReading,
    /// Claims to have read from a split that it was not given.
    Lie,
}

/// A source in which something fails.
#[derive(Debug, Clone, Copy)]
struct BadSource {
    trouble: Trouble,
    may_block: bool,
}

fn gone() -> SourceError {
    SourceError::Io { what: "cannot read".to_owned(), error: std::io::Error::other("gone") }
}

fn source() -> GeneratorSource<u64> {
    GeneratorSource::new(10_000, |n| n)
}

impl Source for BadSource {
    type Out = u64;
    type Split = IndexSplit;
    type Enumerator = BadEnumerator;
    type Reader = BadReader;

    fn name(&self) -> String {
        "bad source".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn may_block(&self) -> bool {
        self.may_block
    }

    fn enumerator(&self, restored: Option<IndexEnumeratorState>) -> Result<BadEnumerator, SourceError> {
        match self.trouble {
            Trouble::MakeEnumerator => Err(gone()),
            Trouble::PanicMakingEnumerator => panic!("gone"),
            trouble => Ok(BadEnumerator { trouble, good: source().enumerator(restored)? }),
        }
    }

    fn reader(&self, ctx: ReaderContext) -> Result<BadReader, SourceError> {
        match self.trouble {
            Trouble::MakeReader => Err(gone()),
            Trouble::PanicMakingReader => panic!("gone"),
            trouble => Ok(BadReader { trouble, good: source().reader(ctx)? }),
        }
    }
}

struct BadEnumerator {
    trouble: Trouble,
    good: IndexEnumerator,
}

impl Enumerator for BadEnumerator {
    type Split = IndexSplit;
    type State = IndexEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        match self.trouble {
            Trouble::Discover => Err(gone()),
            Trouble::PanicDiscovering => panic!("gone"),
            _ => Ok(()),
        }
    }

    fn next(&mut self, reader: &ReaderContext) -> Assignment<IndexSplit> {
        assert!(self.trouble != Trouble::PanicAssigning || reader.subtask == 0, "gone");
        self.good.next(reader)
    }

    fn give_back(&mut self, splits: Vec<IndexSplit>) {
        self.good.give_back(splits);
    }

    fn snapshot(&self) -> IndexEnumeratorState {
        self.good.snapshot()
    }
}

struct BadReader {
    trouble: Trouble,
    good: IndexReader<u64>,
}

impl Reader for BadReader {
    type Out = u64;
    type Split = IndexSplit;

    fn add(&mut self, split: IndexSplit) -> Result<(), SourceError> {
        if self.trouble == Trouble::Add { Err(gone()) } else { self.good.add(split) }
    }

    fn read(&mut self, out: &mut ReadBuffer<u64>) -> Result<Read, SourceError> {
        match self.trouble {
            Trouble::Read => Err(gone()),
            Trouble::PanicReading => panic!("gone"),
            Trouble::Lie => Ok(Read::From("no split of mine".into())),
            _ => self.good.read(out),
        }
    }

    fn position(&self, split: &str) -> Option<IndexSplit> {
        self.good.position(split)
    }
}

#[test]
fn a_source_that_fails_is_named() {
    let reading = "operator `bad source`, subtask ";
    let finding = "source `bad source`: ";
    for (trouble, who, why) in [
        (Trouble::MakeEnumerator, finding, "cannot read: gone"),
        (Trouble::PanicMakingEnumerator, finding, "panicked: gone"),
        (Trouble::Discover, finding, "cannot read: gone"),
        (Trouble::PanicDiscovering, finding, "panicked: gone"),
        (Trouble::PanicAssigning, finding, "panicked: gone"),
        (Trouble::MakeReader, reading, "cannot read: gone"),
        (Trouble::PanicMakingReader, reading, "panicked: gone"),
        (Trouble::Add, reading, "cannot read: gone"),
        (Trouble::Read, reading, "cannot read: gone"),
        (Trouble::PanicReading, reading, "panicked: gone"),
        (Trouble::Lie, reading, "`no split of mine`"),
    ] {
        for may_block in [true, false] {
            let bad = BadSource { trouble, may_block };
            fails(|env| drop(env.source(bad).rebalance().map(|n| n).collect()), &[who, why]);
        }
    }
}

#[test]
fn a_failure_ends_a_job_whose_other_parts_are_blocked() {
    // The slow sinks hold everything up; the failing one is chained to neither.
    let slow = || {
        ForEachSink::new(|_: u64| {
            std::thread::sleep(Duration::from_millis(1));
            Ok(())
        })
    };
    let job = |env: &Environment| {
        let numbers = numbers(env);
        numbers.clone().rebalance().map(|n| n).sink(slow()).name("slow");
        numbers.clone().broadcast().sink(slow()).name("slower");
        numbers.key_by(|n| n).count().filter(|(n, _)| *n == 900).map(|(n, _)| 1 / (n - 900)).name("divide").collect();
    };
    fails(job, &["operator `divide`", "divide by zero"]);
}

#[test]
fn nothing_of_a_failed_job_is_committed() {
    let env = Environment::new("fails late");
    env.set_parallelism(2);
    let numbers = numbers(&env);
    let seen = numbers.clone().collect();
    numbers.process("faulty", Faulty { call: Call::Close, how: How::Error }).collect();
    within_a_minute(|| env.execute()).unwrap_err();
    assert!(seen.is_empty(), "{} records", seen.len());
}
