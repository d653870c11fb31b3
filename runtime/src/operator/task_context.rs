//! What the operators of one subtask share, and its place in the job.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::beside::{RunBeside, RunHere};
use crate::checkpoint::CheckpointId;
use crate::state::{KeyGroups, RowStores};
use crate::task::AnyCommittables;
use crate::time::{AlignmentGroups, Clock, Timestamp};

/// The place of a subtask in its job.
#[derive(Debug, Clone)]
pub struct TaskInfo {
    /// The job's name.
    pub job: Arc<str>,
    /// The run that the subtask belongs to: random, and the same in all attempts, also in those that go on from a
    /// snapshot of it.
    pub run: Arc<str>,
    /// Which subtask of its operator this is, from 0.
    pub subtask: usize,
    /// How many subtasks the operator has.
    pub parallelism: usize,
    /// The number of key groups.
    pub max_parallelism: usize,
    /// How often the job has been restarted.
    pub attempt: u32,
    /// Whether the job goes on from a snapshot.
    pub restored: bool,
}

impl TaskInfo {
    /// The key groups that this subtask owns.
    pub fn key_groups(&self) -> KeyGroups {
        KeyGroups::of_subtask(self.subtask, self.parallelism, self.max_parallelism)
    }
}

/// Lets another thread have a subtask look at its work again.
pub(crate) trait Wake: Send + Sync {
    fn wake(&self);
}

/// Wakes nobody.
struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// What one sink of a subtask has prepared for a snapshot.
pub(crate) struct Prepared {
    pub(crate) id: CheckpointId,
    pub(crate) committables: AnyCommittables,
}

/// What the subtasks of a job's attempt share.
#[derive(Clone, Default)]
pub(crate) struct Shares {
    /// Where keyed operators get stores for their rows; `None` if these are in memory.
    pub(crate) stores: Option<Arc<dyn RowStores>>,
    /// Where sources that wait for one another meet.
    pub(crate) alignment: Arc<AlignmentGroups>,
}

/// What the operators of one subtask share.
pub(crate) struct TaskContext {
    pub(crate) info: TaskInfo,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) waker: Arc<dyn Wake>,
    /// Where user code that may wait runs.
    pub(crate) beside: Arc<dyn RunBeside>,
    /// Where keyed operators get stores for their rows; `None` if these are in memory.
    pub(crate) stores: Option<Arc<dyn RowStores>>,
    /// Where sources that wait for one another meet.
    pub(crate) alignment: Arc<AlignmentGroups>,
    /// The splits of the source at the head that are not to be read now, by number.
    held_splits: RefCell<Rc<BTreeSet<u32>>>,
    /// Whether there is no watermark before the end, and rolling aggregates wait for it.
    batch: Cell<bool>,
    /// The next processing time at which some operator wants [`Signal::ProcessingTime`]; `MAX` for never.
    deadline: Cell<Timestamp>,
    /// When a call that ended with `Stop::Blocked` is to be repeated at the latest; `MAX` for when there is room.
    repeat: Cell<Timestamp>,
    /// Whether a barrier is to overtake what cannot be sent: exchanges then take more than their credits allow.
    overtaken: Cell<bool>,
    /// How many sinks the subtask has.
    sinks: Cell<usize>,
    /// What they have prepared since last asked.
    prepared: RefCell<Vec<Prepared>>,
}

impl TaskContext {
    pub(crate) fn new(
        info: TaskInfo,
        clock: Arc<dyn Clock>,
        waker: Arc<dyn Wake>,
        beside: Arc<dyn RunBeside>,
    ) -> Rc<Self> {
        Self::with_shares(info, (clock, waker, beside), Shares::default())
    }

    /// The context of a call that is made outside the subtask.
    pub(crate) fn detached(info: TaskInfo, clock: Arc<dyn Clock>) -> Rc<Self> {
        Self::new(info, clock, Arc::new(Nobody), Arc::new(RunHere))
    }

    pub(crate) fn with_shares(
        info: TaskInfo,
        (clock, waker, beside): (Arc<dyn Clock>, Arc<dyn Wake>, Arc<dyn RunBeside>),
        Shares { stores, alignment }: Shares,
    ) -> Rc<Self> {
        let (deadline, repeat) = (Cell::new(Timestamp::MAX), Cell::new(Timestamp::MAX));
        let (batch, overtaken, sinks) = (Cell::new(false), Cell::new(false), Cell::new(0));
        let (prepared, held_splits) = (RefCell::default(), RefCell::default());
        Rc::new(Self {
            info,
            clock,
            waker,
            beside,
            stores,
            alignment,
            held_splits,
            batch,
            deadline,
            repeat,
            overtaken,
            sinks,
            prepared,
        })
    }

    /// Says that only final results are wanted; before any operator is made.
    pub(crate) fn set_batch(&self, batch: bool) {
        self.batch.set(batch);
    }

    pub(crate) fn is_batch(&self) -> bool {
        self.batch.get()
    }

    /// Asks for [`Signal::ProcessingTime`] once processing time has reached `at`.
    pub(crate) fn wake_at(&self, at: Timestamp) {
        self.deadline.set(self.deadline.get().min(at));
    }

    /// Asks for the call that is about to end with `Stop::Blocked` to be repeated once processing time has reached `at`,
    /// if nothing has woken the subtask before.
    pub(crate) fn repeat_at(&self, at: Timestamp) {
        self.repeat.set(self.repeat.get().min(at));
    }

    /// When a blocked call is to be repeated at the latest, which is thereby forgotten.
    pub(crate) fn take_repeat(&self) -> Timestamp {
        self.repeat.replace(Timestamp::MAX)
    }

    /// Whether exchanges are to take what they cannot send.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.overtaken.get()
    }

    pub(crate) fn set_overtaken(&self, overtaken: bool) {
        self.overtaken.set(overtaken);
    }

    /// Says which splits the source is not to read until it is told otherwise.
    pub(crate) fn hold_splits(&self, held: BTreeSet<u32>) {
        if **self.held_splits.borrow() != held {
            self.held_splits.replace(Rc::new(held));
        }
    }

    /// The splits that are not to be read; another `Rc` when they have changed.
    pub(crate) fn held_splits(&self) -> Rc<BTreeSet<u32>> {
        Rc::clone(&self.held_splits.borrow())
    }

    /// Tells that the subtask has another sink.
    pub(crate) fn add_sink(&self) {
        self.sinks.set(self.sinks.get() + 1);
    }

    pub(crate) fn sinks(&self) -> usize {
        self.sinks.get()
    }

    /// A sink has prepared its output before a barrier.
    pub(crate) fn prepared(&self, prepared: Prepared) {
        self.prepared.borrow_mut().push(prepared);
    }

    /// What sinks have prepared since last asked.
    pub(crate) fn take_prepared(&self) -> Vec<Prepared> {
        self.prepared.take()
    }

    /// The earliest instant asked for, which is thereby forgotten.
    pub(crate) fn take_deadline(&self) -> Timestamp {
        self.deadline.replace(Timestamp::MAX)
    }
}
