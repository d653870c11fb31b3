//! User code that waits: run beside the slot's thread, bounded in flight, results in the order of the records.
//!
//! A record in flight is part of the snapshot, and is processed again after a restore. Signals keep their place among
//! the records: a watermark is handed on once everything before it has been.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::process::OnError;
use super::stage::{Output, Progress, Signal, Stage, Stop};
use super::{Collector, Context, Process, SideOutputs, TaskContext, TaskInfo, Wake};
use crate::channel::Batch;
use crate::checkpoint::CheckpointId;
use crate::error::{Cause, Site, TaskError, blame};
use crate::graph::{Downstream, NodeContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{Clock, Timestamp};

/// Records in flight per subtask unless the operator says otherwise.
pub const DEFAULT_IN_FLIGHT: usize = 16;

/// Runs jobs that may wait, beside the thread of the slot.
pub(crate) trait RunBlocking: Send + Sync {
    fn run(&self, job: Box<dyn FnOnce() + Send>);
}

/// What became of a record: its results, or why there are none.
type Outcome<U> = Result<Vec<(U, Timestamp)>, Box<TaskError>>;

enum Entry<T, U> {
    Record { value: T, site: Site, outcome: Arc<Mutex<Option<Outcome<U>>>> },
    Signal(Signal),
}

/// The stage of a [`Process`] that may wait. It has no side outputs and no state but what is in flight.
pub(crate) struct BlockingStage<P: Process> {
    uid: Arc<str>,
    process: P,
    on_error: OnError<P::In>,
    capacity: usize,
    out: Output<P::Out>,
    /// In order of arrival.
    queue: VecDeque<Entry<P::In, P::Out>>,
    in_flight: usize,
    /// Records of a snapshot, to be processed first.
    restored: Batch<P::In>,
    /// The last barrier that was handed on. While that call is repeated, since something beside this stage was blocked,
    /// nothing else is: what stands behind has dealt with the barrier, and the snapshot is still to be taken.
    last_barrier: Option<CheckpointId>,
}

impl<P: Process> BlockingStage<P> {
    pub(crate) fn new(
        process: P,
        on_error: OnError<P::In>,
        capacity: usize,
        ctx: &NodeContext,
        downstream: Downstream,
    ) -> Self {
        Self {
            uid: Arc::clone(&ctx.uid),
            process,
            on_error,
            capacity,
            out: downstream.output(ctx),
            queue: VecDeque::new(),
            in_flight: 0,
            restored: Batch::new(),
            last_barrier: None,
        }
    }

    /// Hands on whatever is done at the front of the queue.
    fn hand_on_done(&mut self) -> Progress {
        self.out.flush()?;
        loop {
            match self.queue.front() {
                None => break,
                Some(Entry::Signal(signal)) => {
                    self.out.flush()?;
                    if let Signal::Watermark(watermark) = signal {
                        self.out.watermark = *watermark;
                        self.out.metrics.set_watermark(*watermark);
                    }
                    self.out.signal(signal)?;
                    self.queue.pop_front();
                }
                Some(Entry::Record { outcome, .. }) => {
                    let Some(done) = outcome.lock().unwrap_or_else(PoisonError::into_inner).take() else { break };
                    let Some(Entry::Record { value, site, .. }) = self.queue.pop_front() else { break };
                    self.in_flight -= 1;
                    self.emit(value, site, done)?;
                    self.out.relieve()?;
                }
            }
        }
        self.out.flush()
    }

    fn emit(&mut self, value: P::In, site: Site, done: Outcome<P::Out>) -> Progress {
        match done {
            Ok(results) => {
                if self.out.collector.batch.is_empty() {
                    self.out.collector.set_origin(site.origin.as_ref());
                }
                for (result, time) in results {
                    self.out.collector.at_record(site.event_time, site.position);
                    self.out.collector.emit_at(result, time);
                }
                Ok(())
            }
            Err(error) => match error.cause {
                Cause::User(error) => {
                    self.on_error.handle(error, Some(value), site, &mut self.out.sides, &self.out.metrics)
                }
                cause => Err(TaskError::at(site, cause).into()),
            },
        }
    }

    fn submit(&mut self, value: P::In, site: Site) {
        let outcome = Arc::new(Mutex::new(None));
        let call = Call {
            process: self.process.clone(),
            info: self.out.task.info.clone(),
            clock: Arc::clone(&self.out.task.clock),
            waker: Arc::clone(&self.out.task.waker),
            operator: self.out.metrics.name.clone(),
            watermark: self.out.watermark,
            time: site.event_time,
        };
        let (argument, done) = (value.clone(), Arc::clone(&outcome));
        self.queue.push_back(Entry::Record { value, site, outcome });
        self.in_flight += 1;
        self.out.task.blocking.run(Box::new(move || {
            let waker = Arc::clone(&call.waker);
            let result = call.run(argument);
            *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            waker.wake();
        }));
    }

    /// What was in flight at the snapshot comes first.
    fn take_in_restored(&mut self) -> Progress {
        let mut restored = std::mem::take(&mut self.restored);
        let done = self.take_in(&mut restored);
        self.restored = restored;
        done
    }

    fn take_in(&mut self, batch: &mut Batch<P::In>) -> Progress {
        self.hand_on_done()?;
        while !batch.is_empty() {
            let room = self.capacity.saturating_sub(self.in_flight);
            let mut taken = Vec::with_capacity(room);
            let mut records = batch.consume();
            while taken.len() < room
                && let Some(value) = records.next_value()
            {
                taken.push((value, records.site()));
            }
            drop(records);
            self.out.metrics.records_in.add(taken.len() as u64);
            for (value, site) in taken {
                self.submit(value, site);
            }
            self.hand_on_done()?;
            if self.in_flight >= self.capacity && !batch.is_empty() {
                // Every completion wakes the subtask.
                return Err(Stop::Blocked);
            }
        }
        Ok(())
    }
}

/// One call of the user's function, on its way to another thread.
struct Call<P> {
    process: P,
    info: TaskInfo,
    clock: Arc<dyn Clock>,
    waker: Arc<dyn Wake>,
    operator: String,
    watermark: Timestamp,
    time: Timestamp,
}

impl<P: Process> Call<P> {
    fn run(self, value: P::In) -> Outcome<P::Out> {
        let Self { mut process, info, clock, waker, operator, watermark, time } = self;
        blame::catch(|| {
            let task = TaskContext::new(info, clock, waker, Arc::new(RunHere));
            let mut sides = SideOutputs::default();
            let mut ctx = Context { task: &task, operator: &operator, sides: &mut sides, time, watermark };
            let mut results = Collector::new();
            results.at_record(time, None);
            let done = process.process(value, &mut ctx, &mut results);
            done.map_err(|error| TaskError::at(Site::default(), Cause::User(error)))?;
            let mut records = results.batch.consume();
            let mut timed = Vec::with_capacity(records.remaining());
            while let Some(result) = records.next_value() {
                timed.push((result, records.time()));
            }
            Ok(timed)
        })
    }
}

/// Runs jobs at once on the thread that asks, which waits. For tests.
pub(crate) struct RunHere;

impl RunBlocking for RunHere {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

impl<P: Process> Stage<P::In> for BlockingStage<P> {
    fn push(&mut self, batch: &mut Batch<P::In>) -> Progress {
        let done = self.take_in_restored().and_then(|()| self.take_in(batch));
        done.map_err(|stop| self.out.named(stop))
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        if let Signal::Barrier(barrier) = signal
            && self.last_barrier == Some(barrier.id)
        {
            return self.out.signal(signal);
        }
        let done = self.take_in_restored().and_then(|()| self.hand_on_done());
        done.map_err(|stop| self.out.named(stop))?;
        match signal {
            // What is in flight is in the snapshot.
            Signal::Barrier(barrier) => {
                self.last_barrier = Some(barrier.id);
                self.out.signal(signal)
            }
            Signal::ProcessingTime(_) | Signal::Flush | Signal::FlushOld => self.out.signal(signal),
            _ if self.queue.is_empty() => {
                if let Signal::Watermark(watermark) = signal {
                    self.out.watermark = *watermark;
                    self.out.metrics.set_watermark(*watermark);
                }
                self.out.signal(signal)
            }
            // The end, and a split's, mean that all has been handed on.
            Signal::End | Signal::SplitEnd(_) => Err(Stop::Blocked),
            Signal::Watermark(_) if matches!(self.queue.back(), Some(Entry::Signal(Signal::Watermark(_)))) => {
                self.queue.pop_back();
                self.queue.push_back(Entry::Signal(signal.clone()));
                Ok(())
            }
            _ => {
                self.queue.push_back(Entry::Signal(signal.clone()));
                Ok(())
            }
        }
    }

    fn open(&mut self) -> Progress {
        self.out.open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let operator = to.operator(&self.uid);
        for entry in &self.queue {
            if let Entry::Record { value, site, .. } = entry {
                operator.push("in-flight", &(value, site.event_time))?;
            }
        }
        for (at, value) in self.restored.values().iter().enumerate() {
            operator.push("in-flight", &(value, self.restored.time(at)))?;
        }
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        if let Some(operator) = from.get(&self.uid) {
            let info = &self.out.task.info;
            let share = operator
                .share_of_list::<(P::In, Timestamp)>("in-flight", info.subtask, info.parallelism)
                .map_err(|error| error.within_tuple(0).in_operator(&self.uid))?;
            share.into_iter().for_each(|(value, time)| self.restored.push_at(value, time));
        }
        self.out.restore(from)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::checkpoint::{Barrier, Purpose};
    use crate::observe::OperatorMetrics;
    use crate::operator::{AnyStage, BoxStage};
    use crate::time::ManualClock;

    struct NoWake;

    impl Wake for NoWake {
        fn wake(&self) {}
    }

    type Job = Box<dyn FnOnce() + Send>;

    /// Runs jobs when told.
    #[derive(Clone, Default)]
    struct Later(Arc<Mutex<Vec<Job>>>);

    impl Later {
        fn run_all(&self) {
            let jobs = std::mem::take(&mut *self.0.lock().unwrap());
            jobs.into_iter().for_each(|job| job());
        }
    }

    impl RunBlocking for Later {
        fn run(&self, job: Job) {
            self.0.lock().unwrap().push(job);
        }
    }

    /// Keeps records, and is blocked the first time that a barrier comes.
    #[derive(Clone, Default)]
    struct Slow {
        records: Rc<RefCell<Vec<u64>>>,
        barriers: u32,
    }

    impl Stage<u64> for Slow {
        fn push(&mut self, batch: &mut Batch<u64>) -> Progress {
            self.records.borrow_mut().extend(batch.consume());
            Ok(())
        }

        fn signal(&mut self, signal: &Signal) -> Progress {
            if matches!(signal, Signal::Barrier(_)) {
                self.barriers += 1;
                return if self.barriers == 1 { Err(Stop::Blocked) } else { Ok(()) };
            }
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

    #[derive(Clone)]
    struct Same;

    impl Process for Same {
        type In = u64;
        type Out = u64;

        fn process(
            &mut self,
            value: u64,
            _ctx: &mut Context<'_>,
            out: &mut Collector<u64>,
        ) -> crate::error::Result<()> {
            out.emit(value);
            Ok(())
        }
    }

    #[test]
    fn what_is_done_while_a_barrier_is_blocked_stays_behind_it() {
        let info = TaskInfo {
            job: "job".into(),
            run: "run".into(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 1,
            attempt: 0,
            restored: false,
        };
        let jobs = Later::default();
        let task = TaskContext::new(info, Arc::new(ManualClock::default()), Arc::new(NoWake), Arc::new(jobs.clone()));
        let ctx = NodeContext {
            node: 0,
            uid: "same".into(),
            task,
            metrics: OperatorMetrics::new(0, "same", 0),
            request_splits: Rc::new(|| {}),
        };
        let slow = Slow::default();
        let next: BoxStage<u64> = Box::new(slow.clone());
        let downstream = Downstream { main: vec![AnyStage::new(next)], ..Downstream::default() };
        let mut stage = BlockingStage::new(Same, OnError::Fail, 2, &ctx, downstream);
        let mut batch = Batch::new();
        batch.push(7);
        assert!(stage.push(&mut batch).is_ok());
        let barrier = Barrier {
            id: CheckpointId(1),
            purpose: Purpose::Checkpoint,
            overtake_at: Timestamp::MAX,
            at_least_once: false,
        };
        let barrier = Signal::Barrier(Arc::new(barrier));
        assert!(matches!(stage.signal(&barrier), Err(Stop::Blocked)));
        jobs.run_all();
        assert!(stage.signal(&barrier).is_ok());
        assert!(slow.records.borrow().is_empty(), "the snapshot is not taken yet");
        assert!(stage.signal(&Signal::Flush).is_ok());
        assert_eq!(*slow.records.borrow(), [7]);
    }
}
