//! What a subtask does next.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::source::{SourceStep, SourceTask};
use crate::channel::credit::Grant;
use crate::channel::exchange::Payload;
use crate::channel::input::{InputGate, Work};
use crate::graph::Port;
use crate::observe::TaskMetrics;
use crate::operator::{Progress, Signal, Stop, TaskContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

/// How old a partial batch may get while the subtask is busy; it is sent between one and two of these.
const MAX_BATCH_AGE: Duration = Duration::from_millis(3);

/// What a step leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do now.
    Again,
    /// An output is full: step again when woken.
    Blocked,
    /// Nothing to do: step again when woken, or once processing time has reached this instant.
    Idle(Timestamp),
    /// The input has ended and everything has been handed on.
    Finished,
}

/// Where a task's records come from.
pub(crate) enum Head {
    /// Other subtasks.
    Inputs {
        gate: InputGate,
        /// The chain's inputs.
        ports: Vec<Box<dyn Port>>,
        /// For each of the head's edges: the port that it feeds, and its number among that port's edges.
        edges: Vec<(usize, usize)>,
    },
    /// The outside world.
    Source(Box<dyn SourceTask>),
}

/// Work that was begun.
enum Current {
    Batch { input: usize, batch: Box<dyn Any + Send>, grant: Grant },
    Signal(Signal),
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
}

impl Task {
    pub(crate) fn new(context: Rc<TaskContext>, metrics: Arc<TaskMetrics>, head: Head) -> Self {
        Self {
            context,
            metrics,
            head,
            opened: false,
            current: None,
            deadline: Timestamp::MAX,
            last_age_check: Duration::ZERO,
            finished: false,
        }
    }

    /// A message has arrived.
    pub(crate) fn put(&mut self, channel: usize, payload: Payload) {
        if let Head::Inputs { gate, .. } = &mut self.head {
            gate.put(channel, payload);
            self.metrics.input_queue.set(gate.len() as u64);
        }
    }

    /// The enumerator has answered.
    pub(crate) fn assign(&mut self, answer: super::Answer) {
        if let Head::Source(source) = &mut self.head {
            source.assign(answer);
        }
    }

    /// Does the next thing.
    pub(crate) fn step(&mut self) -> Result<Step, Stop> {
        if self.finished {
            return Ok(Step::Finished);
        }
        match self.advance() {
            Err(Stop::Blocked) => Ok(Step::Blocked),
            other => other,
        }
    }

    fn advance(&mut self) -> Result<Step, Stop> {
        if !self.opened {
            self.open()?;
            self.opened = true;
        }
        self.continue_current()?;
        if self.finished {
            return Ok(Step::Finished);
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
                    return Ok(Step::Finished);
                }
            },
            Head::Inputs { gate, .. } => {
                let work = gate.next();
                self.metrics.input_queue.set(gate.len() as u64);
                match work {
                    None => false,
                    Some(work) => {
                        self.current = Some(match work {
                            Work::Batch { input, batch, grant } => Current::Batch { input, batch, grant },
                            Work::Signal(signal) => Current::Signal(signal),
                        });
                        self.continue_current()?;
                        true
                    }
                }
            }
        };
        self.deadline = self.deadline.min(self.context.take_deadline());
        if self.finished {
            return Ok(Step::Finished);
        }
        if more {
            return Ok(Step::Again);
        }
        self.signal(&Signal::Flush)?;
        Ok(Step::Idle(self.deadline))
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
            Some(Current::Batch { input, mut batch, grant }) => {
                let Head::Inputs { ports, edges, .. } = &mut self.head else { return Ok(()) };
                let (port, edge) = edges[input];
                if let Err(stop) = ports[port].push(&mut *batch) {
                    self.current = Some(Current::Batch { input, batch, grant });
                    return Err(stop);
                }
                ports[port].give_back(edge, batch, grant);
                Ok(())
            }
        }
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
            Head::Inputs { ports, .. } => ports[0].signal(signal),
        }
    }

    fn open(&mut self) -> Progress {
        match &mut self.head {
            Head::Source(source) => source.open(),
            Head::Inputs { ports, .. } => ports[0].open(),
        }
    }

    /// Writes down the state of all operators. Only between steps that did not end in `Blocked`.
    pub(crate) fn snapshot(&mut self) -> Result<TaskCapture, StateError> {
        let mut snapshot = TaskCapture::default();
        match &mut self.head {
            Head::Source(source) => source.snapshot(&mut snapshot)?,
            Head::Inputs { ports, .. } => ports[0].snapshot(&mut snapshot)?,
        }
        Ok(snapshot)
    }

    /// Takes state back, before the first step.
    pub(crate) fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        match &mut self.head {
            Head::Source(source) => source.restore(from),
            Head::Inputs { ports, .. } => ports[0].restore(from),
        }
    }
}
