//! The end of a chain: hands records to a sink's writer, in place or on a thread of its own.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::time::Duration;

use serde::Serialize;

use super::commit::{Committables, encode_committables};
use crate::actor::threads;
use crate::channel::Batch;
use crate::checkpoint::{Barrier, CheckpointId};
use crate::connector::{Sink, SinkContext, SinkError, SinkWriter};
use crate::data::Data;
use crate::error::{Cause, Site, TaskError, blame};
use crate::graph::{NodeContext, NodeId};
use crate::observe::OperatorMetrics;
use crate::operator::{Prepared, Progress, Signal, Stage, Stop, TaskContext, Wake};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{Clock, Timestamp};

/// Batches that may wait for a writer's thread. A barrier that has overtaken all else still waits for these.
const WAITING_BATCHES: usize = 1;

/// What one subtask's writer has prepared.
#[derive(Clone)]
pub(crate) struct AnyCommittables {
    pub(crate) sink: NodeId,
    pub(crate) committables: Committables,
}

/// The stage of a sink.
pub(crate) struct SinkStage<S: Sink> {
    node: NodeId,
    uid: Arc<str>,
    task: Rc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    sink: Arc<S>,
    writer: Option<WriterHandle<S>>,
    /// Batches that a writer's thread has given back.
    spare: Vec<Batch<S::In>>,
    /// The last barrier that was dealt with, so that repeating the call does not prepare again.
    last_barrier: Option<CheckpointId>,
}

enum WriterHandle<S: Sink> {
    InPlace {
        writer: S::Writer,
        calls: Calls,
    },
    Thread {
        jobs: SyncSender<Job<S::In>>,
        results: Receiver<Outcome<S>>,
        /// Whether something was written since the last flush.
        unflushed: bool,
    },
}

enum Job<T> {
    Write(Batch<T>),
    Flush,
    PrepareCommit(Arc<Barrier>),
}

enum Outcome<S: Sink> {
    /// A batch was written; it comes back to be filled again.
    Written(Batch<S::In>),
    Prepared(CheckpointId, Committables),
    Failed(Box<TaskError>),
}

impl<S: Sink> SinkStage<S> {
    pub(crate) fn new(sink: Arc<S>, ctx: &NodeContext) -> Self {
        ctx.task.add_sink();
        Self {
            node: ctx.node,
            uid: Arc::clone(&ctx.uid),
            task: Rc::clone(&ctx.task),
            metrics: Arc::clone(&ctx.metrics),
            sink,
            writer: None,
            spare: Vec::new(),
            last_barrier: None,
        }
    }

    fn failed(&self, mut error: Box<TaskError>) -> Stop {
        error.operator.clone_from(&self.metrics.name);
        error.into()
    }

    fn start(&mut self) -> Result<WriterHandle<S>, SinkError> {
        let info = &self.task.info;
        let ctx = SinkContext {
            job: Arc::clone(&info.job),
            run: Arc::clone(&info.run),
            sink: Arc::clone(&self.uid),
            subtask: info.subtask,
            parallelism: info.parallelism,
            attempt: info.attempt,
            restored: info.restored,
            clock: Arc::clone(&self.task.clock),
        };
        if !self.sink.may_block() {
            return Ok(WriterHandle::InPlace { writer: self.sink.writer(ctx)?, calls: Calls::default() });
        }
        let (jobs, job_queue) = mpsc::sync_channel(WAITING_BATCHES);
        let (result_queue, results) = mpsc::channel();
        let thread = WriterThread::<S> {
            jobs: job_queue,
            results: result_queue,
            waker: Arc::clone(&self.task.waker),
            clock: Arc::clone(&self.task.clock),
        };
        let sink = Arc::clone(&self.sink);
        threads::spawn(&format!("writer-{}", info.subtask), move || thread.run(&*sink, ctx))
            .map_err(|error| SinkError::Io { what: "cannot start a writer thread".to_owned(), error })?;
        Ok(WriterHandle::Thread { jobs, results, unflushed: false })
    }

    /// Looks at what the writer's thread has done; fails if it has.
    fn check_thread(&mut self) -> Progress {
        let Some(WriterHandle::Thread { results, .. }) = &self.writer else { return Ok(()) };
        loop {
            match results.try_recv() {
                Ok(Outcome::Written(batch)) => self.spare.push(batch),
                Ok(Outcome::Prepared(id, committables)) => self.prepared(id, committables),
                Ok(Outcome::Failed(error)) => return Err(self.failed(error)),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    let cause = Cause::Internal("the writer's thread is gone".to_owned());
                    return Err(self.failed(TaskError::at(Site::default(), cause)));
                }
            }
        }
    }

    fn prepared(&self, id: CheckpointId, committables: Committables) {
        let committables = AnyCommittables { sink: self.node, committables };
        self.task.prepared(Prepared { id, committables });
    }

    fn write(&mut self, batch: &mut Batch<S::In>) -> Progress {
        let count = batch.len() as u64;
        self.check_thread()?;
        match &mut self.writer {
            Some(WriterHandle::InPlace { writer, .. }) => {
                let written = write_all(writer, batch);
                if let Some(deadline) = writer.deadline() {
                    self.task.wake_at(deadline);
                }
                written.map_err(|error| self.failed(error))?;
            }
            Some(WriterHandle::Thread { jobs, unflushed, .. }) => {
                let full = std::mem::replace(batch, self.spare.pop().unwrap_or_default());
                if let Err(refused) = jobs.try_send(Job::Write(full)) {
                    let (TrySendError::Full(job) | TrySendError::Disconnected(job)) = refused;
                    if let Job::Write(unsent) = job {
                        self.spare.push(std::mem::replace(batch, unsent));
                    }
                    // The thread wakes the subtask after each job, so also once there is room.
                    return Err(Stop::Blocked);
                }
                *unflushed = true;
            }
            None => {}
        }
        self.metrics.records_in.add(count);
        Ok(())
    }

    /// Has what was written before a barrier prepared; a writer's thread does so while the subtask goes on.
    fn prepare_commit(&mut self, barrier: &Arc<Barrier>) -> Progress {
        let id = barrier.id;
        if self.last_barrier == Some(id) {
            return Ok(());
        }
        match &mut self.writer {
            None => {}
            Some(WriterHandle::InPlace { writer, calls }) => match calls.prepare(barrier, writer) {
                Ok(committables) => self.prepared(id, committables),
                Err(error) => return Err(self.failed(error)),
            },
            Some(WriterHandle::Thread { jobs, .. }) => {
                let sent = jobs.try_send(Job::PrepareCommit(Arc::clone(barrier))).is_ok();
                self.check_thread()?;
                if !sent {
                    // The thread wakes the subtask after each job, so also once there is room.
                    return Err(Stop::Blocked);
                }
            }
        }
        self.last_barrier = Some(id);
        Ok(())
    }
}

/// Writes a batch; an error names the record that it happened at.
fn write_all<W: SinkWriter>(writer: &mut W, batch: &mut Batch<W::In>) -> Result<(), Box<TaskError>> {
    let mut records = batch.consume();
    writer.write(&mut records).map_err(|error| TaskError::at(records.site(), error))
}

/// What a writer was asked to prepare.
#[derive(Default)]
struct Calls {
    /// The barriers at which it prepared what is not released yet; the lowest first.
    barriers: VecDeque<CheckpointId>,
    /// How many calls came before those.
    released: u64,
}

impl Calls {
    /// Tells the writer what it may forget, and has it finish what it has written.
    fn prepare<W: SinkWriter>(&mut self, barrier: &Barrier, writer: &mut W) -> Result<Committables, Box<TaskError>>
    where
        W::Committable: Serialize,
    {
        while self.barriers.pop_front_if(|earlier| *earlier < barrier.released).is_some() {
            self.released += 1;
        }
        self.barriers.push_back(barrier.id);
        writer.released(self.released);
        let prepared = writer.prepare_commit().map_err(|error| TaskError::at(Site::default(), error))?;
        encode_committables(&prepared).map_err(|error| TaskError::at(Site::default(), error))
    }
}

impl<S: Sink> Stage<S::In> for SinkStage<S>
where
    S::In: Data,
{
    fn push(&mut self, batch: &mut Batch<S::In>) -> Progress {
        let metrics = Arc::clone(&self.metrics);
        let _blame = blame::Operator(&metrics.name);
        self.write(batch)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        let metrics = Arc::clone(&self.metrics);
        let _blame = blame::Operator(&metrics.name);
        match (signal, &mut self.writer) {
            (Signal::Watermark(watermark), _) => self.metrics.set_watermark(*watermark),
            (Signal::Flush, Some(WriterHandle::Thread { jobs, unflushed, .. })) => {
                // With a full queue the subtask is woken, has nothing to do, and tries again.
                *unflushed = *unflushed && jobs.try_send(Job::Flush).is_err();
                self.check_thread()?;
            }
            (Signal::Flush, Some(WriterHandle::InPlace { writer, .. })) => {
                writer.flush().map_err(|error| self.failed(TaskError::at(Site::default(), error)))?;
            }
            (Signal::ProcessingTime(now), Some(WriterHandle::InPlace { writer, .. })) => {
                let done = if writer.deadline().is_some_and(|at| at <= *now) { writer.on_time(*now) } else { Ok(()) };
                if let Some(deadline) = writer.deadline() {
                    self.task.wake_at(deadline);
                }
                done.map_err(|error| self.failed(TaskError::at(Site::default(), error)))?;
            }
            (Signal::Barrier(barrier), _) => self.prepare_commit(barrier)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self) -> Progress {
        // The call may be a repeated one, since something beside this sink was blocked.
        if self.writer.is_some() {
            return Ok(());
        }
        let metrics = Arc::clone(&self.metrics);
        let _blame = blame::Operator(&metrics.name);
        let started = self.start();
        self.writer = Some(started.map_err(|error| self.failed(TaskError::at(Site::default(), error)))?);
        Ok(())
    }

    fn snapshot(&mut self, _to: &mut TaskCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &TaskSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}

/// The thread of a writer that may wait.
struct WriterThread<S: Sink> {
    jobs: Receiver<Job<S::In>>,
    results: mpsc::Sender<Outcome<S>>,
    waker: Arc<dyn Wake>,
    clock: Arc<dyn Clock>,
}

struct WakeAtEnd(Arc<dyn Wake>);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl<S: Sink> WriterThread<S> {
    fn run(self, sink: &S, ctx: SinkContext) {
        let wake_at_end = WakeAtEnd(Arc::clone(&self.waker));
        let written = blame::catch(|| match sink.writer(ctx) {
            Ok(writer) => self.work(writer),
            Err(error) => Err(TaskError::at(Site::default(), error)),
        });
        if let Err(error) = written {
            let _ = self.results.send(Outcome::Failed(error));
        }
        // The subtask must see the queue closed when it is woken.
        drop(self.results);
        drop(wake_at_end);
    }

    /// Writes until the subtask is gone.
    fn work(&self, mut writer: S::Writer) -> Result<(), Box<TaskError>> {
        let at_no_record = |error| TaskError::at(Site::default(), error);
        let mut calls = Calls::default();
        loop {
            match self.next_job(writer.deadline()) {
                Err(Gone) => return Ok(()),
                Ok(None) => writer.on_time(self.clock.now()).map_err(at_no_record)?,
                Ok(Some(Job::Flush)) => {
                    writer.flush().map_err(at_no_record)?;
                    self.waker.wake();
                }
                Ok(Some(Job::Write(mut batch))) => {
                    write_all(&mut writer, &mut batch)?;
                    batch.clear();
                    let _ = self.results.send(Outcome::Written(batch));
                    self.waker.wake();
                }
                Ok(Some(Job::PrepareCommit(barrier))) => {
                    let prepared = calls.prepare(&barrier, &mut writer)?;
                    let _ = self.results.send(Outcome::Prepared(barrier.id, prepared));
                    self.waker.wake();
                }
            }
        }
    }

    /// The next job, or `None` once the writer's deadline has come.
    fn next_job(&self, deadline: Option<Timestamp>) -> Result<Option<Job<S::In>>, Gone> {
        let Some(deadline) = deadline else { return self.jobs.recv().map(Some).map_err(|_| Gone) };
        let wait = deadline.since(self.clock.now());
        if wait == Duration::ZERO {
            return Ok(None);
        }
        match self.jobs.recv_timeout(wait) {
            Ok(job) => Ok(Some(job)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }
}

/// The subtask is gone.
struct Gone;
