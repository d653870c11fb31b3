//! Operators in their place: chains, forks, and what flows through them.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use super::{Collector, Operator, SideOutputs, TaskContext, TaskInfo};
use serde::{Deserialize, Serialize};

use crate::channel::Batch;
use crate::channel::size::SizeEstimate;
use crate::checkpoint::Barrier;
use crate::data::Data;
use crate::error::{Site, TaskError, blame};
use crate::observe::OperatorMetrics;
use crate::state::{OperatorSnapshot, StateError, TaskCapture, TaskSnapshot, WATERMARK};
use crate::time::Timestamp;

/// Why a call did not finish.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An output is full. Call again with the same argument.
    Blocked,
    /// The subtask has failed.
    Failed(Box<TaskError>),
}

impl Stop {
    /// State has failed that a call needed.
    pub(crate) fn of_state(error: StateError) -> Self {
        TaskError::at(Site::default(), error).into()
    }
}

impl From<Box<TaskError>> for Stop {
    fn from(error: Box<TaskError>) -> Self {
        Self::Failed(error)
    }
}

/// `Ok` once all is done.
pub(crate) type Progress = Result<(), Stop>;

/// What flows through a chain beside records, in order with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Event time has reached this instant.
    Watermark(Timestamp),
    /// No active input: do not wait for watermarks from here.
    Idle,
    /// Records flow again.
    Active,
    /// A deadline in processing time has come. Does not leave the subtask.
    ProcessingTime(Timestamp),
    /// Nothing else to do: send what is waiting for a full batch. Does not leave the subtask.
    Flush,
    /// A batch's age limit may have passed: send what is older. Does not leave the subtask.
    FlushOld,
    /// Splits will be read. Does not leave the source's chain.
    SplitsStart(Arc<[SplitStart]>),
    /// A split has nothing to read. Does not leave the source's chain.
    SplitIdle(u32),
    /// A split has been read to its end. Does not leave the source's chain.
    SplitEnd(u32),
    /// A snapshot is to hold what was before, and not what comes after.
    Barrier(Arc<Barrier>),
    /// No more records.
    End,
}

/// A split that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SplitStart {
    /// By which its batches and signals name it; given anew in each subtask.
    pub(crate) number: u32,
    /// Its lasting identity.
    pub(crate) id: Arc<str>,
}

/// A link of a chain: an operator, an exchange or a sink together with all that stands behind it.
///
/// The law: after [`Stop::Blocked`], calling again with the same argument goes on. After `Ok`, the batch is empty.
pub(crate) trait Stage<T> {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress;
    fn signal(&mut self, signal: &Signal) -> Progress;
    /// Opens the last stage first, so that every operator can emit from the start.
    fn open(&mut self) -> Progress;
    /// Writes down the state of this stage and those behind it.
    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError>;
    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError>;
}

pub(crate) type BoxStage<T> = Box<dyn Stage<T>>;

/// The output side of an operator: a batch being filled, and the stages that take it.
pub(crate) struct Output<T> {
    pub(crate) collector: Collector<T>,
    pub(crate) sides: SideOutputs,
    pub(crate) task: Rc<TaskContext>,
    pub(crate) metrics: Arc<OperatorMetrics>,
    /// Event time has reached this instant here.
    pub(crate) watermark: Timestamp,
    next: BoxStage<T>,
    size: SizeEstimate,
    /// How many records fill a batch: as many as its size allows, if it is not to be smaller.
    limit: usize,
    /// How many records fill a batch at the most.
    most: usize,
    /// Whether this is the last that the operator emits, and not something that a further stage of it works on.
    is_last: bool,
}

/// How many records fill a batch in a hurry.
const HURRIED_RECORDS: usize = 512;

impl<T: Data> Output<T> {
    pub(crate) fn new(
        task: Rc<TaskContext>,
        metrics: Arc<OperatorMetrics>,
        next: BoxStage<T>,
        sides: SideOutputs,
    ) -> Self {
        let size = SizeEstimate::new::<T>();
        let limit = size.batch_records();
        Self {
            collector: Collector::new(),
            sides,
            task,
            metrics,
            watermark: Timestamp::MIN,
            next,
            size,
            limit,
            most: usize::MAX,
            is_last: true,
        }
    }

    /// For an operator of two stages: the output of the first, with the side outputs, in front of a stage that emits by `last`.
    pub(crate) fn in_front_of<O, S: Stage<T> + 'static>(
        mut last: Output<O>,
        stage: impl FnOnce(Output<O>) -> S,
    ) -> Self {
        let sides = std::mem::take(&mut last.sides);
        let (task, metrics) = (Rc::clone(&last.task), Arc::clone(&last.metrics));
        Self { is_last: false, ..Self::new(task, metrics, Box::new(stage(last)), sides) }
    }

    /// Hands on what was collected.
    pub(crate) fn flush(&mut self) -> Progress {
        let batch = &mut self.collector.batch;
        if !batch.is_empty() {
            if !self.collector.counted {
                self.collector.counted = true;
                if self.is_last {
                    self.metrics.records_out.add(batch.len() as u64);
                }
                self.size.sample(batch.values());
                self.limit = self.size.batch_records().min(self.most);
            }
            self.next.push(batch)?;
            self.collector.counted = false;
        }
        self.sides.flush()
    }

    /// Whether batches are to be small for now, since the operator is slow as long as the frozen version of its state is read:
    /// each record may have it copy a page. Smaller ones keep the gaps short that those behind it see.
    pub(crate) fn set_hurried(&mut self, hurried: bool) {
        self.most = if hurried { HURRIED_RECORDS } else { usize::MAX };
        self.limit = self.size.batch_records().min(self.most);
    }

    /// Hands on what was collected if it fills a batch. Called between records by operators that amplify.
    #[inline]
    pub(crate) fn relieve(&mut self) -> Progress {
        if self.is_full() { self.flush() } else { Ok(()) }
    }

    /// Says which operator has failed, unless a failure further down has been named already.
    pub(crate) fn named(&self, mut stop: Stop) -> Stop {
        if let Stop::Failed(error) = &mut stop
            && error.operator.is_empty()
        {
            error.operator.clone_from(&self.metrics.name);
        }
        stop
    }

    /// Takes a whole batch as it is; nothing else may be waiting.
    pub(crate) fn take(&mut self, batch: &mut Batch<T>) {
        debug_assert!(self.collector.batch.is_empty(), "what was collected before must have been handed on");
        std::mem::swap(&mut self.collector.batch, batch);
    }

    /// Hands a signal on to everything behind this output.
    pub(crate) fn signal(&mut self, signal: &Signal) -> Progress {
        self.sides.signal(signal)?;
        self.next.signal(signal)
    }

    pub(crate) fn open(&mut self) -> Progress {
        self.next.open()?;
        self.sides.open()
    }

    pub(crate) fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.sides.snapshot(to)?;
        self.next.snapshot(to)
    }

    pub(crate) fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.sides.restore(from)?;
        self.next.restore(from)
    }

    /// Collects a result for each record of the input. Nothing else may be waiting.
    pub(crate) fn map<I>(&mut self, input: &mut Batch<I>, mut function: impl FnMut(I) -> T) -> Progress {
        while input.len() > self.limit {
            // The results may be much larger than what they are made from.
            self.collector.set_origin(input.origin());
            let mut records = input.consume();
            while !self.is_full()
                && let Some(value) = records.next_value()
            {
                self.collector.at_record(records.time(), records.position());
                self.collector.emit(function(value));
            }
            drop(records);
            self.flush()?;
        }
        input.map_into(&mut self.collector.batch, function);
        Ok(())
    }

    /// Whether what was collected fills a batch.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.collector.batch.len() >= self.limit || self.sides.is_full()
    }
}

/// An operator with its output: the ordinary stage.
pub(crate) struct Link<O: Operator> {
    /// The operator's identity in snapshots.
    uid: Arc<str>,
    operator: O,
    out: Output<O::Out>,
    opened: bool,
    /// The last watermark that has been dealt with completely.
    reached: Timestamp,
    /// How much of `End` is done, so that repeating the call does not repeat the work.
    ended: EndStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum EndStep {
    Running,
    Ended,
    Closed,
}

impl<O: Operator> Link<O>
where
    O::In: Data,
    O::Out: Data,
{
    pub(crate) fn new(uid: Arc<str>, operator: O, out: Output<O::Out>) -> Self {
        Self { uid, operator, out, opened: false, reached: Timestamp::MIN, ended: EndStep::Running }
    }

    pub(crate) fn boxed(uid: Arc<str>, operator: O, out: Output<O::Out>) -> BoxStage<O::In> {
        Box::new(Self::new(uid, operator, out))
    }

    /// Has the operator work off a batch by one of its functions, which is called with an empty one, too, when a call is
    /// repeated; the law of stages holds.
    pub(crate) fn work<I>(
        &mut self,
        batch: &mut Batch<I>,
        process: impl FnOnce(&mut O, &mut Batch<I>, &mut Output<O::Out>) -> Progress,
    ) -> Progress {
        let metrics = Arc::clone(&self.out.metrics);
        let _blame = blame::Operator(&metrics.name);
        let before = batch.len() as u64;
        let step = || {
            self.out.flush()?;
            process(&mut self.operator, batch, &mut self.out)?;
            self.out.flush()
        };
        let progress = step();
        metrics.records_in.add(before - batch.len() as u64);
        progress.map_err(|stop| self.out.named(stop))
    }

    /// The operator's own part of a signal; what it emits is flushed before the signal goes on.
    fn act(&mut self, signal: &Signal) -> Progress {
        // What an interrupted call before this one has left goes first.
        self.out.flush()?;
        self.out.collector.forget_record();
        match signal {
            // After a restore, a watermark that had been reached before may come again.
            Signal::Watermark(watermark) if *watermark > self.reached => {
                self.out.watermark = *watermark;
                self.out.metrics.set_watermark(*watermark);
                self.operator.watermark(*watermark, &mut self.out)?;
                self.reached = *watermark;
            }
            Signal::Watermark(_) => {}
            Signal::ProcessingTime(now) => self.operator.processing_time(*now, &mut self.out)?,
            Signal::End => {
                if self.ended == EndStep::Running {
                    self.operator.end(&mut self.out)?;
                    self.ended = EndStep::Ended;
                }
                if self.ended == EndStep::Ended {
                    self.operator.close(&mut self.out)?;
                    self.ended = EndStep::Closed;
                }
            }
            other => self.operator.other(other, &mut self.out)?,
        }
        self.out.flush()
    }
}

impl<O: Operator> Stage<O::In> for Link<O>
where
    O::In: Data,
    O::Out: Data,
{
    fn push(&mut self, batch: &mut Batch<O::In>) -> Progress {
        self.work(batch, |operator, batch, out| if batch.is_empty() { Ok(()) } else { operator.process(batch, out) })
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        {
            let metrics = Arc::clone(&self.out.metrics);
            let _blame = blame::Operator(&metrics.name);
            self.act(signal).map_err(|stop| self.out.named(stop))?;
        }
        self.out.signal(signal)
    }

    fn open(&mut self) -> Progress {
        // The call may be a repeated one, since something beside this stage was blocked.
        if !self.opened {
            self.out.open()?;
            let metrics = Arc::clone(&self.out.metrics);
            let _blame = blame::Operator(&metrics.name);
            self.operator.open(&mut self.out).map_err(|stop| self.out.named(stop))?;
            self.opened = true;
        }
        Ok(())
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let snapshot = to.operator(&self.uid);
        let TaskInfo { subtask, parallelism, .. } = self.out.task.info;
        let ended = self.ended == EndStep::Closed;
        snapshot.push(WATERMARK, &Reached { subtask, parallelism, watermark: self.reached, ended })?;
        self.operator.snapshot(&self.out, snapshot)?;
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        if let Some(snapshot) = from.get(&self.uid) {
            let reached = Reached::restored(&self.out.task.info, snapshot)?;
            self.reached = reached.watermark;
            self.out.watermark = reached.watermark;
            if reached.ended {
                self.ended = EndStep::Closed;
            }
            self.operator.restore(&self.out, snapshot).map_err(|error| error.in_operator(&self.uid))?;
        }
        self.out.restore(from)
    }
}

/// How far an operator's subtask had come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Reached {
    subtask: usize,
    parallelism: usize,
    /// The last watermark that was dealt with completely.
    watermark: Timestamp,
    /// Whether its input had ended and it was closed: neither happens again.
    ended: bool,
}

impl Reached {
    /// How far this subtask had come, or, at another parallelism, all had.
    fn restored(info: &TaskInfo, from: &OperatorSnapshot) -> Result<Self, StateError> {
        let all = from.list::<Self>(WATERMARK)?;
        let is_own = |other: &&Self| other.parallelism == info.parallelism && other.subtask == info.subtask;
        if let Some(own) = all.iter().find(is_own) {
            return Ok(*own);
        }
        let watermark = all.iter().map(|other| other.watermark).min().unwrap_or(Timestamp::MIN);
        let ended = !all.is_empty() && all.iter().all(|other| other.ended);
        Ok(Self { subtask: info.subtask, parallelism: info.parallelism, watermark, ended })
    }
}

/// Hands every record to several stages.
pub(crate) struct Fork<T> {
    targets: Vec<BoxStage<T>>,
    /// Copies on their way to all but the last target.
    copies: Vec<Batch<T>>,
    /// Whether the copies of the current batch have been made.
    copied: bool,
}

impl<T: Data> Fork<T> {
    /// One stage for any number of targets.
    pub(crate) fn of(mut targets: Vec<BoxStage<T>>) -> BoxStage<T> {
        match targets.len() {
            0 => Box::new(Discard),
            1 => targets.remove(0),
            several => {
                let copies = (1..several).map(|_| Batch::new()).collect();
                Box::new(Self { targets, copies, copied: false })
            }
        }
    }
}

impl<T: Data> Stage<T> for Fork<T> {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress {
        if !self.copied {
            for copy in &mut self.copies {
                copy.clone_from(batch);
            }
            self.copied = true;
        }
        let (last, others) = self.targets.split_last_mut().expect("invariant: a fork has targets");
        for (target, copy) in others.iter_mut().zip(&mut self.copies) {
            if !copy.is_empty() {
                target.push(copy)?;
            }
        }
        last.push(batch)?;
        self.copied = false;
        Ok(())
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.targets.iter_mut().try_for_each(|target| target.signal(signal))
    }

    fn open(&mut self) -> Progress {
        self.targets.iter_mut().try_for_each(|target| target.open())
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.targets.iter_mut().try_for_each(|target| target.snapshot(to))
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.targets.iter_mut().try_for_each(|target| target.restore(from))
    }
}

/// The end of a stream that nobody reads.
pub(crate) struct Discard;

impl<T> Stage<T> for Discard {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress {
        batch.clear();
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

/// A stage whose record type is known only inside: how chains are put together from a job's graph.
pub(crate) struct AnyStage(Box<dyn Any>);

impl AnyStage {
    pub(crate) fn new<T: 'static>(stage: BoxStage<T>) -> Self {
        Self(Box::new(stage))
    }

    /// The stage again. The stream API has checked the types, so a mismatch is a bug of ours.
    pub(crate) fn typed<T: 'static>(self) -> BoxStage<T> {
        *self.0.downcast::<BoxStage<T>>().expect("invariant: edges connect equal types")
    }
}
