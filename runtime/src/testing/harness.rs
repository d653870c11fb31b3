//! A stretch of a job on the caller's thread: push records, move time, snapshot, restore, look at the output.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::futures::TestThread;
use crate::channel::exchange::{Payload, Transport};
use crate::checkpoint::CheckpointId;
use crate::connector::Boundedness;
use crate::data::Data;
use crate::error::TaskError;
use crate::graph::{Body, Downstream, Graph, NodeContext};
use crate::observe::JobMetrics;
use crate::operator::beside::RunBeside;
use crate::operator::{AnyStage, BoxStage, Output, Progress, Shares, Signal, Stage, Stop, Wake};
use crate::state::{RowStores, StateBackend, StateError, TaskCapture, TaskSnapshot};
use crate::stream::{Environment, NodeSpec, Stream};
use crate::task::{Answer, Attempt, SourceStep, SourceTask, Step, Task, build, misfits, wire};
use crate::time::{Clock, ManualClock, Timestamp};

/// Runs what a function builds on a stream, in one thread and with a clock that stands still until it is moved.
///
/// The subtasks take turns in an order that a seed decides, so a test can look for results that depend on it.
///
/// ```
/// use millstream::prelude::*;
/// use millstream::testing::Harness;
///
/// let job = |words: Stream<String>| words.key_by(|word| word).count();
/// let mut harness = Harness::new(job);
/// harness.push("a".to_owned());
/// let snapshot = harness.snapshot();
/// let mut restored = Harness::restored(job, 2, &snapshot);
/// restored.push("a".to_owned());
/// assert_eq!(restored.output(), [("a".to_owned(), 2)]);
/// ```
pub struct Harness<T, U> {
    tasks: Vec<Task>,
    /// Whether each task has said that its input has ended.
    finished: Vec<bool>,
    /// Whether each task has said that there is no room for what it has at hand.
    blocked: Vec<bool>,
    events: Events<T>,
    output: Shared<Vec<(U, Timestamp)>>,
    messages: Shared<VecDeque<(usize, usize, Payload)>>,
    clock: Arc<ManualClock>,
    random: u64,
    stores: Option<Arc<dyn RowStores>>,
    beside: Arc<TestThread>,
    pub(super) registry: Arc<JobMetrics>,
}

type Shared<T> = Arc<Mutex<T>>;

/// State of a [`Harness`], to restore another from.
#[derive(Clone, Serialize, Deserialize)]
pub struct HarnessSnapshot {
    state: TaskSnapshot,
    /// Files that the state is in are removed with these.
    #[serde(skip)]
    _stores: Option<Arc<dyn RowStores>>,
}

impl fmt::Debug for HarnessSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl PartialEq for HarnessSnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Eq for HarnessSnapshot {}

enum Event<T> {
    Record(T, Timestamp),
    Signal(Signal),
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Data, U: Data> Harness<T, U> {
    /// A harness with one subtask per operator.
    pub fn new(job: impl FnOnce(Stream<T>) -> Stream<U>) -> Self {
        Self::with_parallelism(job, 1)
    }

    /// A harness with so many subtasks per operator.
    pub fn with_parallelism(job: impl FnOnce(Stream<T>) -> Stream<U>, parallelism: usize) -> Self {
        Self::build(job, parallelism, None, &StateBackend::Heap).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A harness that goes on from a snapshot, which may have been taken at another parallelism.
    ///
    /// # Panics
    ///
    /// If the snapshot does not fit the job.
    pub fn restored(job: impl FnOnce(Stream<T>) -> Stream<U>, parallelism: usize, snapshot: &HarnessSnapshot) -> Self {
        Self::try_restored(job, parallelism, snapshot).unwrap_or_else(|error| panic!("{error}"))
    }

    /// [`Harness::restored`] for a snapshot that may not fit the job.
    pub fn try_restored(
        job: impl FnOnce(Stream<T>) -> Stream<U>,
        parallelism: usize,
        snapshot: &HarnessSnapshot,
    ) -> Result<Self, Box<TaskError>> {
        Self::build(job, parallelism, Some(snapshot), &StateBackend::Heap)
    }

    /// A harness that keeps its state in a backend, and goes on from a snapshot if there is one, whichever backend that is
    /// of.
    ///
    /// # Panics
    ///
    /// If this binary does not have the backend, or the snapshot does not fit the job.
    pub fn with_backend(
        job: impl FnOnce(Stream<T>) -> Stream<U>,
        parallelism: usize,
        snapshot: Option<&HarnessSnapshot>,
        backend: &StateBackend,
    ) -> Self {
        Self::build(job, parallelism, snapshot, backend).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What in a sample of the snapshot does not fit the types of another version of the job, which is not run: an entry
    /// of each shape, field by field, is tried. Empty if the job can go on from the snapshot.
    ///
    /// ```
    /// use millstream::prelude::*;
    /// use millstream::testing::Harness;
    ///
    /// #[operator(keyed, uid = "sum")]
    /// fn before(n: u64, #[state] sum: &mut Value<u64>) -> u64 {
    ///     *sum.get_or_default() += n;
    ///     n
    /// }
    ///
    /// #[operator(keyed, uid = "sum")]
    /// fn after(n: u64, #[state] sum: &mut Value<String>) -> u64 {
    ///     sum.get_or_default().push('x');
    ///     n
    /// }
    ///
    /// let mut harness = Harness::new(|numbers: Stream<u64>| numbers.key_by(|n| n).apply(before()));
    /// harness.push(1);
    /// let misfits = Harness::misfits(|numbers: Stream<u64>| numbers.key_by(|n| n).apply(after()), &harness.snapshot())?;
    /// assert!(misfits[0].to_string().contains("the value of state `sum`: invalid type"));
    /// # Ok::<(), Box<millstream::TaskError>>(())
    /// ```
    pub fn misfits(
        job: impl FnOnce(Stream<T>) -> Stream<U>,
        snapshot: &HarnessSnapshot,
    ) -> Result<Vec<StateError>, Box<TaskError>> {
        let env = Environment::new("harness");
        collect(job(Events::default().stream(&env.graph)), &Shared::default());
        let plan = Arc::new(env.plan().unwrap_or_else(|error| panic!("the job cannot run: {error}")));
        misfits(&plan, &snapshot.state.sampled())
    }

    fn build(
        job: impl FnOnce(Stream<T>) -> Stream<U>,
        parallelism: usize,
        snapshot: Option<&HarnessSnapshot>,
        backend: &StateBackend,
    ) -> Result<Self, Box<TaskError>> {
        let stores = backend.open().unwrap_or_else(|error| panic!("{error}"));
        let (events, output, messages) = (Events::default(), Shared::default(), Shared::default());
        let env = Environment::new("harness");
        env.set_parallelism(parallelism);
        collect(job(events.stream(&env.graph)), &output);
        let plan = Arc::new(env.plan().unwrap_or_else(|error| panic!("the job cannot run: {error}")));
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let dyn_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let (mut tasks, mut failed) = (Vec::new(), None);
        let restored = snapshot.map(|snapshot| Arc::new(snapshot.state.clone()));
        let shares = Shares { stores: stores.clone(), ..Shares::default() };
        let attempt = Attempt { run: "harness".into(), number: 0, restored, shares };
        let (registry, beside) = (Arc::new(JobMetrics::default()), Arc::new(TestThread::new()));
        wire(&plan, &dyn_clock, &registry, &attempt, |blueprint| {
            let number = tasks.len();
            let beside = Arc::clone(&beside) as Arc<dyn RunBeside>;
            match build(blueprint, Arc::new(NoWake), beside, Rc::new(|| {})) {
                Ok(task) => tasks.push(task),
                Err(error) => failed = failed.take().or(Some(error)),
            }
            let messages = Arc::clone(&messages);
            Box::new(move || Box::new(ToTask { number, messages: Arc::clone(&messages) }))
        });
        let (finished, blocked) = (vec![false; tasks.len()], vec![false; tasks.len()]);
        if let Some(error) = failed {
            return Err(error);
        }
        let mut harness =
            Self { tasks, finished, blocked, events, output, messages, clock, random: 1, stores, beside, registry };
        harness.settle();
        Ok(harness)
    }

    /// Has the subtasks take turns in another order.
    pub fn seed(&mut self, seed: u64) {
        self.random = seed | 1;
    }

    /// Pushes a record without an event time.
    pub fn push(&mut self, value: T) {
        self.push_at(value, Timestamp::MIN);
    }

    /// Pushes a record.
    pub fn push_at(&mut self, value: T, time: Timestamp) {
        self.events.push_at(value, time);
    }

    /// Moves event time on.
    pub fn watermark(&mut self, watermark: Timestamp) {
        self.events.watermark(watermark);
    }

    /// Has nothing wait for the input's event time, as if its source had nothing to read, until the next record or watermark.
    pub fn idle(&mut self) {
        self.events.idle();
    }

    /// Moves processing time on; timers that are due fire. Everything pushed before is processed first.
    pub fn advance_processing_time(&mut self, now: Timestamp) {
        self.settle();
        self.clock.advance_to(now);
        self.settle();
    }

    /// Ends the input: event time goes to its end, and operators emit what they have left.
    pub fn end(&mut self) {
        self.events.end();
        self.settle();
    }

    /// Takes out the results so far.
    pub fn output(&mut self) -> Vec<U> {
        self.timed_output().into_iter().map(|(value, _)| value).collect()
    }

    /// Takes out the results so far with their event times; [`Timestamp::MIN`] for none.
    pub fn timed_output(&mut self) -> Vec<(U, Timestamp)> {
        self.settle();
        std::mem::take(&mut *lock(&self.output))
    }

    /// Processes everything pushed so far, then writes all state down, as for a checkpoint.
    ///
    /// # Panics
    ///
    /// If state cannot be written, or [`Harness::is_blocked`].
    pub fn snapshot(&mut self) -> HarnessSnapshot {
        self.capture(false)
    }

    /// Processes everything pushed so far, then writes all state down in the form that every backend reads.
    ///
    /// # Panics
    ///
    /// If state cannot be written, or [`Harness::is_blocked`].
    pub fn savepoint(&mut self) -> HarnessSnapshot {
        self.capture(true)
    }

    /// Whether something that was pushed waits for room, since an operator has as much in flight as it may.
    pub fn is_blocked(&mut self) -> bool {
        self.settle();
        self.blocked.contains(&true)
    }

    fn capture(&mut self, canonical: bool) -> HarnessSnapshot {
        assert!(!self.is_blocked(), "what waits for room would be in no snapshot: let some that is in flight be done");
        let captured = self.tasks.iter_mut().map(|task| task.snapshot(canonical).and_then(TaskCapture::complete));
        let parts = captured.map(|part| part.unwrap_or_else(|error| panic!("{error}")));
        HarnessSnapshot { state: TaskSnapshot::merge(parts), _stores: self.stores.clone() }
    }

    /// Processes everything pushed so far.
    ///
    /// # Panics
    ///
    /// With the subtask's error if one fails.
    pub fn settle(&mut self) {
        if let Err(error) = self.try_settle() {
            panic!("{error}");
        }
    }

    /// Processes everything pushed so far, or fails with the subtask's error. Futures are polled until none can go on.
    pub fn try_settle(&mut self) -> Result<(), Box<TaskError>> {
        self.take_turns()?;
        while self.beside.poll_woken() {
            self.take_turns()?;
        }
        Ok(())
    }

    /// Has the subtasks work until none has anything to do.
    fn take_turns(&mut self) -> Result<(), Box<TaskError>> {
        let mut resting = 0;
        while resting < 4 * self.tasks.len() + 4 {
            let Some(number) = self.pick() else { return Ok(()) };
            let delivered = self.deliver(number);
            let step = match self.tasks[number].step() {
                Ok(step) => step,
                Err(Stop::Blocked) => Step::Blocked(Timestamp::MAX),
                Err(Stop::Failed(error)) => return Err(error),
            };
            self.finished[number] = step == Step::Finished;
            self.blocked[number] = matches!(step, Step::Blocked(_));
            let worked = delivered || matches!(step, Step::Again | Step::Finished);
            // Turns are drawn at random, so only a full round without work means that there is none.
            resting = if worked { 0 } else { resting + 1 };
            if resting > self.tasks.len() && !self.all_at_rest()? {
                resting = 0;
            }
        }
        Ok(())
    }

    /// Gives each task one more turn; answers whether none had anything to do.
    fn all_at_rest(&mut self) -> Result<bool, Box<TaskError>> {
        let mut at_rest = true;
        for number in 0..self.tasks.len() {
            if self.finished[number] {
                continue;
            }
            at_rest &= !self.deliver(number);
            let step = self.tasks[number].step();
            self.blocked[number] = matches!(step, Ok(Step::Blocked(_)) | Err(Stop::Blocked));
            match step {
                Ok(Step::Again) => at_rest = false,
                Ok(Step::Finished) => {
                    self.finished[number] = true;
                    at_rest = false;
                }
                Ok(Step::Idle(_) | Step::Blocked(_)) | Err(Stop::Blocked) => {}
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(at_rest && lock(&self.messages).is_empty())
    }

    /// A task that has not ended, at random.
    fn pick(&mut self) -> Option<usize> {
        let running: Vec<usize> = (0..self.tasks.len()).filter(|number| !self.finished[*number]).collect();
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        running.get(self.random as usize % running.len().max(1)).copied()
    }

    /// Hands a task the messages that wait for it; answers whether there were any.
    fn deliver(&mut self, number: usize) -> bool {
        let mut delivered = false;
        let mut messages = lock(&self.messages);
        for _ in 0..messages.len() {
            let Some((to, channel, payload)) = messages.pop_front() else { break };
            if to == number {
                let put = self.tasks[number].put(channel, payload);
                put.unwrap_or_else(|error| panic!("{error}"));
                delivered = true;
            } else {
                messages.push_back((to, channel, payload));
            }
        }
        delivered
    }
}

/// What a test pushes into one input, until its source has read it.
pub(super) struct Events<T> {
    queue: Shared<VecDeque<Event<T>>>,
    is_idle: Cell<bool>,
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Self { queue: Shared::default(), is_idle: Cell::new(false) }
    }
}

impl<T: Data> Events<T> {
    /// The stream of what is pushed.
    pub(super) fn stream(&self, graph: &Rc<RefCell<Graph>>) -> Stream<T> {
        let events = Arc::clone(&self.queue);
        let body = Body::Source {
            make: Arc::new(move |ctx: NodeContext, downstream: Downstream| {
                Ok(Box::new(Pushed {
                    events: Arc::clone(&events),
                    out: downstream.output(&ctx),
                    owed: None,
                    ended: false,
                }))
            }),
            enumerator: Arc::new(|_| {
                Err(crate::connector::SourceError::Invalid("a harness has no enumerator".to_owned()))
            }),
            boundedness: Boundedness::Bounded,
        };
        let nothing = Stream::<T> { graph: Rc::clone(graph), origins: Vec::new() };
        let node = nothing.add_node(NodeSpec::anonymous("input"), body);
        Stream::of_node(Rc::clone(graph), node).parallelism(1)
    }

    pub(super) fn push_at(&self, value: T, time: Timestamp) {
        self.wake();
        lock(&self.queue).push_back(Event::Record(value, time));
    }

    pub(super) fn watermark(&self, watermark: Timestamp) {
        self.wake();
        self.signal(Signal::Watermark(watermark));
    }

    pub(super) fn idle(&self) {
        if !self.is_idle.replace(true) {
            self.signal(Signal::Idle);
        }
    }

    /// Says, as a source does, that there is something again.
    fn wake(&self) {
        if self.is_idle.replace(false) {
            self.signal(Signal::Active);
        }
    }

    /// Event time goes to its end, and then the input.
    pub(super) fn end(&self) {
        self.watermark(Timestamp::MAX);
        self.signal(Signal::End);
    }

    fn signal(&self, signal: Signal) {
        lock(&self.queue).push_back(Event::Signal(signal));
    }
}

/// Keeps a stream's records with their event times.
fn collect<U: Data>(stream: Stream<U>, output: &Shared<Vec<(U, Timestamp)>>) {
    let output = Arc::clone(output);
    let make = Arc::new(move |_: NodeContext, _: Downstream| {
        let stage: BoxStage<U> = Box::new(Keep { output: Arc::clone(&output) });
        Ok(vec![AnyStage::new(stage)])
    });
    stream.add_node(NodeSpec::anonymous("output"), Body::Operator(make));
}

struct Pushed<T> {
    events: Shared<VecDeque<Event<T>>>,
    out: Output<T>,
    owed: Option<Signal>,
    ended: bool,
}

impl<T: Data> SourceTask for Pushed<T> {
    fn open(&mut self) -> Progress {
        self.out.open()
    }

    fn step(&mut self) -> Result<SourceStep, Stop> {
        self.out.flush()?;
        if let Some(signal) = &self.owed {
            self.out.signal(signal)?;
            self.ended = *signal == Signal::End;
            self.owed = None;
        }
        if self.ended {
            return Ok(SourceStep::Ended);
        }
        let mut events = lock(&self.events);
        while !self.out.is_full() {
            match events.pop_front() {
                Some(Event::Record(value, time)) => self.out.collector.emit_at(value, time),
                Some(Event::Signal(signal)) => {
                    self.owed = Some(signal);
                    break;
                }
                None if self.out.collector.batch.is_empty() => return Ok(SourceStep::Waiting(Timestamp::MAX)),
                None => break,
            }
        }
        drop(events);
        self.out.flush()?;
        Ok(SourceStep::Progress)
    }

    fn assign(&mut self, _answer: Answer) {}

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.out.flush()?;
        self.out.signal(signal)
    }

    fn completed(&mut self, _id: CheckpointId) {}

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.out.restore(from)
    }
}

struct Keep<U> {
    output: Shared<Vec<(U, Timestamp)>>,
}

impl<U> Stage<U> for Keep<U> {
    fn push(&mut self, batch: &mut crate::channel::Batch<U>) -> Progress {
        let mut output = lock(&self.output);
        let mut records = batch.consume();
        while let Some(value) = records.next_value() {
            output.push((value, records.time()));
        }
        Ok(())
    }

    fn signal(&mut self, _signal: &Signal) -> Progress {
        Ok(())
    }

    fn open(&mut self) -> Progress {
        Ok(())
    }

    fn snapshot(&mut self, _to: &mut TaskCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &TaskSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}

/// Every task is stepped anyway.
struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

struct ToTask {
    number: usize,
    messages: Shared<VecDeque<(usize, usize, Payload)>>,
}

impl Transport for ToTask {
    fn deliver(&self, channel: usize, payload: Payload) {
        lock(&self.messages).push_back((self.number, channel, payload));
    }
}
