//! What a subtask does next.

use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Answer;
use super::capture::{Captured, Snapshots};
use super::inputs::Inputs;
use super::source::{SourceStep, SourceTask};
use crate::channel::credit::Grant;
use crate::channel::exchange::Payload;
use crate::channel::input::Work;
use crate::checkpoint::{Barrier, CheckpointId, Purpose};
use crate::error::{Cause, Site, TaskError};
use crate::observe::TaskMetrics;
use crate::operator::{Progress, Signal, Stop, TaskContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::testing::{FaultPoint, Injection};
use crate::time::Timestamp;

/// How old a partial batch may get while the subtask is busy; it is sent between one and two of these.
const MAX_BATCH_AGE: Duration = Duration::from_millis(3);

/// What a step leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do now.
    Again,
    /// An output is full: step again when woken, or once processing time has reached this instant.
    Blocked(Timestamp),
    /// Nothing to do: step again when woken, or once processing time has reached this instant.
    Idle(Timestamp),
    /// The input has ended and everything has been handed on: step again when woken, for snapshots.
    Finished,
}

/// Where a task's records come from.
pub(crate) enum Head {
    /// Other subtasks.
    Inputs(Box<Inputs>),
    /// The outside world.
    Source(Box<dyn SourceTask>),
}

/// Work that was begun.
enum Current {
    Batch { input: usize, batch: Box<dyn Any + Send>, grant: Grant },
    Signal(Signal),
    Barrier(Arc<Barrier>),
}

/// What others than the senders tell a subtask.
enum Control {
    /// Begin a snapshot: only if nobody sends to this subtask.
    Trigger(Arc<Barrier>),
    /// The enumerator has answered.
    Assign(Answer),
}

/// A chain with what waits for it.
pub(crate) struct Task {
    pub(crate) context: Rc<TaskContext>,
    pub(crate) metrics: Arc<TaskMetrics>,
    head: Head,
    opened: bool,
    current: Option<Current>,
    /// When some operator wants to be called, in processing time.
    deadline: Timestamp,
    /// When partial batches were last looked at for their age, on the monotonic clock.
    last_age_check: Duration,
    finished: bool,
    /// What has come from the coordinator and the enumerator, in order: a split that is assigned after a barrier must
    /// not be part of the barrier's snapshot.
    control: VecDeque<Control>,
    snapshots: Snapshots,
    /// When the first input reached the barrier that others have not, on the monotonic clock.
    aligning_since: Option<Duration>,
    /// Whether a barrier has stopped the job: nothing more is processed.
    stopped: bool,
    faults: Injection,
}

impl Task {
    pub(crate) fn new(context: Rc<TaskContext>, metrics: Arc<TaskMetrics>, head: Head, faults: Injection) -> Self {
        Self {
            context,
            metrics,
            head,
            opened: false,
            current: None,
            deadline: Timestamp::MAX,
            last_age_check: Duration::ZERO,
            finished: false,
            control: VecDeque::new(),
            snapshots: Snapshots::default(),
            aligning_since: None,
            stopped: false,
            faults,
        }
    }

    /// A message has arrived.
    pub(crate) fn put(&mut self, channel: usize, payload: Payload) -> Result<(), StateError> {
        if let Head::Inputs(inputs) = &mut self.head {
            inputs.gate.put(channel, payload);
            self.metrics.input_queue.set(inputs.gate.len() as u64);
            if self.snapshots.captures_arrivals() {
                self.snapshots.capture_overtaken(inputs)?;
            }
        }
        Ok(())
    }

    /// The coordinator wants a snapshot; only for a subtask that nobody sends to.
    pub(crate) fn trigger(&mut self, barrier: Arc<Barrier>) {
        self.control.push_back(Control::Trigger(barrier));
    }

    /// Snapshots whose every part is there.
    pub(crate) fn take_snapshots(&mut self) -> Vec<Captured> {
        self.snapshots.take_complete(self.context.take_prepared())
    }

    /// The snapshot of a barrier is complete.
    pub(crate) fn completed(&mut self, id: CheckpointId) {
        if let Head::Source(source) = &mut self.head {
            source.completed(id);
        }
    }

    /// The enumerator has answered.
    pub(crate) fn assign(&mut self, answer: Answer) {
        self.control.push_back(Control::Assign(answer));
    }

    /// Does the next thing.
    pub(crate) fn step(&mut self) -> Result<Step, Stop> {
        match self.advance() {
            Err(Stop::Blocked) => Ok(Step::Blocked(self.overtake_at().min(self.context.take_repeat()))),
            other => other,
        }
    }

    fn advance(&mut self) -> Result<Step, Stop> {
        if !self.opened {
            self.open()?;
            self.opened = true;
        }
        self.let_barrier_overtake();
        self.continue_current()?;
        if let Some(control) = self.control.pop_front() {
            match (control, &mut self.head) {
                (Control::Trigger(barrier), _) => self.begin(Current::Barrier(barrier))?,
                (Control::Assign(answer), Head::Source(source)) => source.assign(answer),
                (Control::Assign(_), Head::Inputs(_)) => {}
            }
            return Ok(Step::Again);
        }
        if self.finished || self.stopped {
            return self.rest();
        }
        if self.context.is_overtaken() && self.take_work()? {
            return Ok(Step::Again);
        }
        self.check_age()?;
        if self.signal_due_deadline()? {
            return Ok(Step::Again);
        }
        let more = match &mut self.head {
            Head::Source(source) => match source.step()? {
                SourceStep::Progress => true,
                SourceStep::Waiting(until) => {
                    self.deadline = self.deadline.min(until);
                    false
                }
                SourceStep::Ended => {
                    self.finished = true;
                    true
                }
            },
            Head::Inputs(_) => self.take_work()?,
        };
        self.deadline = self.deadline.min(self.context.take_deadline());
        if more {
            return Ok(Step::Again);
        }
        self.signal(&Signal::Flush)?;
        Ok(Step::Idle(self.deadline.min(self.overtake_at())))
    }

    /// What is left to do after the end of the input: barriers, and what was prepared for them.
    fn rest(&mut self) -> Result<Step, Stop> {
        if self.take_work()? {
            return Ok(Step::Again);
        }
        self.signal(&Signal::Flush)?;
        Ok(if self.finished { Step::Finished } else { Step::Idle(Timestamp::MAX) })
    }

    /// Takes the next work from the inputs; answers whether there was any.
    fn take_work(&mut self) -> Result<bool, Stop> {
        let Head::Inputs(inputs) = &mut self.head else { return Ok(false) };
        let gate = &mut inputs.gate;
        let work = gate.next(|| self.context.clock.now());
        self.metrics.input_queue.set(gate.len() as u64);
        if gate.is_aligning() && self.aligning_since.is_none() {
            self.aligning_since = Some(self.context.clock.monotonic());
        }
        let Some(work) = work else { return Ok(false) };
        self.begin(match work {
            Work::Batch { input, batch, grant } => Current::Batch { input, batch, grant },
            Work::Signal(signal) => Current::Signal(signal),
            Work::Barrier(barrier) => Current::Barrier(barrier),
        })?;
        Ok(true)
    }

    fn begin(&mut self, work: Current) -> Progress {
        self.current = Some(work);
        self.continue_current()
    }

    /// When a barrier will overtake what it waits for; `MAX` if none will.
    fn overtake_at(&self) -> Timestamp {
        let current = match &self.current {
            Some(Current::Barrier(barrier)) => barrier.overtake_at,
            _ => Timestamp::MAX,
        };
        let triggered = self.control.iter().find_map(|control| match control {
            Control::Trigger(barrier) => Some(barrier.overtake_at),
            Control::Assign(_) => None,
        });
        let waiting = match &self.head {
            Head::Inputs(inputs) => inputs.gate.overtake_at(),
            Head::Source(_) => Timestamp::MAX,
        };
        current.min(triggered.unwrap_or(Timestamp::MAX)).min(waiting)
    }

    /// If a barrier is to overtake now, lets the batch at hand end though its results cannot be sent.
    fn let_barrier_overtake(&mut self) {
        let overtake_at = self.overtake_at();
        let is_batch = !matches!(self.current, Some(Current::Signal(_)));
        let due = overtake_at < Timestamp::MAX && is_batch && overtake_at <= self.context.clock.now();
        self.context.set_overtaken(due);
    }

    /// Goes on with work that was begun, if any.
    fn continue_current(&mut self) -> Progress {
        match self.current.take() {
            None => Ok(()),
            Some(Current::Signal(signal)) => {
                if let Err(stop) = self.signal(&signal) {
                    self.current = Some(Current::Signal(signal));
                    return Err(stop);
                }
                self.finished |= signal == Signal::End;
                Ok(())
            }
            Some(Current::Barrier(barrier)) => {
                if let Err(stop) = self.signal(&Signal::Barrier(Arc::clone(&barrier))) {
                    self.current = Some(Current::Barrier(barrier));
                    return Err(stop);
                }
                self.context.set_overtaken(false);
                self.stopped |= barrier.stops();
                self.strike(FaultPoint::Barrier)?;
                self.take_snapshot(barrier).map_err(|error| TaskError::at(Site::default(), error))?;
                self.strike(FaultPoint::Captured)
            }
            Some(Current::Batch { input, mut batch, grant }) => {
                let Head::Inputs(inputs) = &mut self.head else { return Ok(()) };
                if let Err(stop) = inputs.push(input, &mut *batch) {
                    self.current = Some(Current::Batch { input, batch, grant });
                    return Err(stop);
                }
                inputs.give_back(input, batch, grant);
                Ok(())
            }
        }
    }

    fn strike(&self, point: FaultPoint) -> Progress {
        let struck = self.faults.strike(point);
        struck.map_err(|fault| TaskError::at(Site::default(), Cause::User(fault.into())).into())
    }

    /// Everything before the barrier has been handed on or is overtaken.
    fn take_snapshot(&mut self, barrier: Arc<Barrier>) -> Result<(), StateError> {
        let clock = Arc::clone(&self.context.clock);
        let began = clock.monotonic();
        let capture = match barrier.purpose {
            Purpose::CommitOnly => TaskCapture::default(),
            Purpose::Checkpoint => self.snapshot(false)?,
            Purpose::Savepoint { .. } => self.snapshot(true)?,
        };
        let sync = clock.monotonic().saturating_sub(began);
        let alignment = self.aligning_since.take().map_or(Duration::ZERO, |since| began.saturating_sub(since));
        self.metrics.alignment_ms.set(u64::try_from(alignment.as_millis()).unwrap_or(u64::MAX));
        let captured = Captured { barrier, capture, committables: Vec::new(), alignment, sync };
        self.snapshots.begin(captured, self.context.sinks());
        if let Head::Inputs(inputs) = &mut self.head {
            self.snapshots.capture_overtaken(inputs)?;
        }
        Ok(())
    }

    /// A saturated sender is never idle, so partial batches are looked at every few milliseconds too.
    fn check_age(&mut self) -> Progress {
        let now = self.context.clock.monotonic();
        if now.saturating_sub(self.last_age_check) >= MAX_BATCH_AGE {
            self.last_age_check = now;
            self.signal(&Signal::FlushOld)?;
        }
        Ok(())
    }

    /// Hands on a deadline that has come; answers whether one had.
    fn signal_due_deadline(&mut self) -> Result<bool, Stop> {
        self.deadline = self.deadline.min(self.context.take_deadline());
        if self.deadline == Timestamp::MAX {
            return Ok(false);
        }
        let now = self.context.clock.now();
        if self.deadline > now {
            return Ok(false);
        }
        self.deadline = Timestamp::MAX;
        self.current = Some(Current::Signal(Signal::ProcessingTime(now)));
        self.continue_current()?;
        Ok(true)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        match &mut self.head {
            Head::Source(source) => source.signal(signal),
            // The ports of a chain share what stands behind them; the first one speaks for all.
            Head::Inputs(inputs) => inputs.ports[0].signal(signal),
        }
    }

    fn open(&mut self) -> Progress {
        match &mut self.head {
            Head::Source(source) => source.open(),
            Head::Inputs(inputs) => inputs.ports[0].open(),
        }
    }

    /// Writes down the state of all operators, in the canonical form if that is asked for. Only between steps that did not
    /// end in `Blocked`.
    pub(crate) fn snapshot(&mut self, canonical: bool) -> Result<TaskCapture, StateError> {
        let mut snapshot = TaskCapture::new(canonical);
        match &mut self.head {
            Head::Source(source) => source.snapshot(&mut snapshot)?,
            Head::Inputs(inputs) => inputs.ports[0].snapshot(&mut snapshot)?,
        }
        Ok(snapshot)
    }

    /// Takes state back, before the first step.
    pub(crate) fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        match &mut self.head {
            Head::Source(source) => source.restore(from),
            Head::Inputs(inputs) => inputs.ports[0].restore(from),
        }
    }
}
