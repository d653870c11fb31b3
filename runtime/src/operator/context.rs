//! What a user's function can ask and do beside emitting results.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::beside::{RunBeside, RunHere};
use super::stage::{BoxStage, Progress, Signal};
use crate::channel::Batch;
use crate::channel::size::SizeEstimate;
use crate::checkpoint::CheckpointId;
use crate::data::Data;
use crate::observe::{MetricGroup, OperatorMetrics};
use crate::state::timers::Timers;
use crate::state::{KeyGroups, RowStores, StateError, TaskCapture, TaskSnapshot};
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

/// Names a side output and the type of its records.
///
/// ```
/// # use millstream::prelude::*;
/// let late: OutputTag<u64> = OutputTag::new("late");
/// ```
pub struct OutputTag<T> {
    name: &'static str,
    _type: PhantomData<fn() -> T>,
}

impl<T> OutputTag<T> {
    /// A tag; two tags are the same if name and type are.
    pub const fn new(name: &'static str) -> Self {
        Self { name, _type: PhantomData }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OutputTag<T> {}

impl<T> fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutputTag({:?})", self.name)
    }
}

/// The side outputs of one operator that somebody reads.
#[derive(Default)]
pub struct SideOutputs {
    sides: BTreeMap<&'static str, Box<dyn AnySide>>,
}

impl fmt::Debug for SideOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.sides.keys()).finish()
    }
}

impl SideOutputs {
    pub(crate) fn insert(&mut self, name: &'static str, side: Box<dyn AnySide>) {
        self.sides.insert(name, side);
    }

    /// Emits to a side output; answers whether somebody reads it.
    pub(crate) fn emit<T: Data>(&mut self, tag: OutputTag<T>, value: T, time: Timestamp) -> bool {
        let Some(side) = self.sides.get_mut(tag.name).and_then(|side| side.as_any().downcast_mut::<Side<T>>()) else {
            return false;
        };
        side.batch.push_at(value, time);
        true
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        // Asked for every record, and mostly there are no side outputs.
        !self.sides.is_empty() && self.sides.values().any(|side| side.is_full())
    }

    pub(crate) fn flush(&mut self) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.flush())
    }

    pub(crate) fn signal(&mut self, signal: &Signal) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.signal(signal))
    }

    pub(crate) fn open(&mut self) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.open())
    }

    pub(crate) fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.sides.values_mut().try_for_each(|side| side.snapshot(to))
    }

    pub(crate) fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.sides.values_mut().try_for_each(|side| side.restore(from))
    }
}

/// One side output, whatever its type.
pub(crate) trait AnySide {
    fn as_any(&mut self) -> &mut dyn Any;
    fn is_full(&self) -> bool;
    fn flush(&mut self) -> Progress;
    fn signal(&mut self, signal: &Signal) -> Progress;
    fn open(&mut self) -> Progress;
    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError>;
    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError>;
}

/// A batch being filled for a side output, and the stage that takes it.
pub(crate) struct Side<T> {
    batch: Batch<T>,
    size: SizeEstimate,
    next: BoxStage<T>,
}

impl<T: Data> Side<T> {
    pub(crate) fn boxed(next: BoxStage<T>) -> Box<dyn AnySide> {
        Box::new(Self { batch: Batch::new(), size: SizeEstimate::new::<T>(), next })
    }
}

impl<T: Data> AnySide for Side<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.size.batch_records()
    }

    fn flush(&mut self) -> Progress {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.size.sample(self.batch.values());
        self.next.push(&mut self.batch)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.next.signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.next.open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.next.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.next.restore(from)
    }
}

/// What a function can ask of the record it is given and of the subtask it runs in.
pub struct Context<'a> {
    pub(crate) task: &'a TaskContext,
    pub(crate) metrics: &'a OperatorMetrics,
    pub(crate) sides: &'a mut SideOutputs,
    pub(crate) time: Timestamp,
    pub(crate) watermark: Timestamp,
}

impl Context<'_> {
    /// The event time of the record or timer, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.is_set().then_some(self.time)
    }

    /// How far event time has come here; [`Timestamp::MIN`] before the first watermark.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.task.clock.now()
    }

    /// Emits a record to a side output, at the event time of the record being processed. Answers whether anybody
    /// reads that output; if not, the record is dropped.
    pub fn output<T: Data>(&mut self, tag: OutputTag<T>, value: T) -> bool {
        self.sides.emit(tag, value, self.time)
    }

    /// Which subtask this is, from 0.
    pub fn subtask_index(&self) -> usize {
        self.task.info.subtask
    }

    /// How many subtasks this operator has.
    pub fn parallelism(&self) -> usize {
        self.task.info.parallelism
    }

    /// How often the job has been restarted.
    pub fn attempt(&self) -> u32 {
        self.task.info.attempt
    }

    /// The job's name.
    pub fn job_name(&self) -> &str {
        &self.task.info.job
    }

    /// Metrics of the user's own, labelled with job, operator and subtask.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[operator]
    /// fn check(reading: i64, ctx: &mut Context<'_>) -> i64 {
    ///     ctx.metrics().counter("belowZero").add(u64::from(reading < 0));
    ///     reading
    /// }
    /// # let _ = check();
    /// ```
    pub fn metrics(&self) -> &MetricGroup {
        &self.metrics.user
    }
}

/// By which time a timer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeDomain {
    /// By the watermark.
    EventTime,
    /// By the clock.
    ProcessingTime,
}

/// A [`Context`] for a keyed stream: it also knows the key and its timers.
pub struct KeyedContext<'a, K> {
    pub(crate) base: Context<'a>,
    /// The kind of the timer that fires, if one does.
    pub(crate) firing: Option<TimeDomain>,
    pub(crate) key: &'a K,
    pub(crate) hash: u64,
    pub(crate) timers: &'a mut Timers<K>,
}

impl<'a, K> std::ops::Deref for KeyedContext<'a, K> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl<K> std::ops::DerefMut for KeyedContext<'_, K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl<K: crate::data::Key> KeyedContext<'_, K> {
    /// The key of the record or timer.
    pub fn key(&self) -> &K {
        self.key
    }

    /// In `on_timer`, by which time the timer that fires goes; `None` while a record is processed.
    pub fn time_domain(&self) -> Option<TimeDomain> {
        self.firing
    }

    /// Whether a timer of this key is set that [`KeyedContext::set_event_timer`] has set for `at`. A timer that fires is set
    /// no more.
    pub fn has_event_timer(&self, at: Timestamp) -> bool {
        self.timers.event.contains(at, self.hash, self.key)
    }

    /// Whether a timer of this key is set that [`KeyedContext::set_processing_timer`] has set for `at`.
    pub fn has_processing_timer(&self, at: Timestamp) -> bool {
        self.timers.processing.contains(at, self.hash, self.key)
    }

    /// Has `on_timer` called for this key once the watermark has reached `at`. One timer per key and instant: setting
    /// it again changes nothing.
    pub fn set_event_timer(&mut self, at: Timestamp) {
        self.timers.event.set(at, self.hash, self.key);
    }

    /// Takes back [`KeyedContext::set_event_timer`].
    pub fn delete_event_timer(&mut self, at: Timestamp) {
        self.timers.event.delete(at, self.hash, self.key);
    }

    /// Has `on_timer` called for this key once processing time has reached `at`.
    pub fn set_processing_timer(&mut self, at: Timestamp) {
        self.timers.processing.set(at, self.hash, self.key);
        self.base.task.wake_at(at);
    }

    /// Takes back [`KeyedContext::set_processing_timer`].
    pub fn delete_processing_timer(&mut self, at: Timestamp) {
        self.timers.processing.delete(at, self.hash, self.key);
    }
}
