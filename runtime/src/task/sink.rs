//! The end of a chain: hands records to a sink's writer, in place or on a thread of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::time::Duration;

use serde::Serialize;

use super::commit::{Committables, encode_committables};
use crate::actor::threads;
use crate::channel::Batch;
use crate::connector::{Sink, SinkContext, SinkError, SinkWriter};
use crate::data::Data;
use crate::error::{Cause, Site, TaskError, blame};
use crate::graph::{NodeContext, NodeId};
use crate::observe::OperatorMetrics;
use crate::operator::{Progress, Signal, Stage, Stop, TaskContext, Wake};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{Clock, Timestamp};

/// Batches that may wait for a writer's thread.
const WAITING_BATCHES: usize = 2;

/// What one subtask's writer has prepared.
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
    /// How much of `End` is done.
    ended: bool,
}

enum WriterHandle<S: Sink> {
    InPlace(S::Writer),
    Thread {
        jobs: SyncSender<Job<S::In>>,
        results: Receiver<Outcome<S>>,
        /// Whether something was written since the last flush.
        unflushed: bool,
        /// Whether the thread has been told to prepare its commit.
        preparing: bool,
    },
}

enum Job<T> {
    Write(Batch<T>),
    Flush,
    PrepareCommit,
}

enum Outcome<S: Sink> {
    /// A batch was written; it comes back to be filled again.
    Written(Batch<S::In>),
    Prepared(Committables),
    Failed(Box<TaskError>),
}

impl<S: Sink> SinkStage<S> {
    pub(crate) fn new(sink: Arc<S>, ctx: &NodeContext) -> Self {
        Self {
            node: ctx.node,
            uid: Arc::clone(&ctx.uid),
            task: Rc::clone(&ctx.task),
            metrics: Arc::clone(&ctx.metrics),
            sink,
            writer: None,
            spare: Vec::new(),
            ended: false,
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
            return Ok(WriterHandle::InPlace(self.sink.writer(ctx)?));
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
        Ok(WriterHandle::Thread { jobs, results, unflushed: false, preparing: false })
    }

    /// Looks at what the writer's thread has done; fails if it has.
    fn check_thread(&mut self) -> Result<Option<Committables>, Stop> {
        let Some(WriterHandle::Thread { results, .. }) = &self.writer else { return Ok(None) };
        loop {
            match results.try_recv() {
                Ok(Outcome::Written(batch)) => self.spare.push(batch),
                Ok(Outcome::Prepared(committables)) => return Ok(Some(committables)),
                Ok(Outcome::Failed(error)) => return Err(self.failed(error)),
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => {
                    let cause = Cause::Internal("the writer's thread is gone".to_owned());
                    return Err(self.failed(TaskError::at(Site::default(), cause)));
                }
            }
        }
    }

    fn write(&mut self, batch: &mut Batch<S::In>) -> Progress {
        let count = batch.len() as u64;
        self.check_thread()?;
        match &mut self.writer {
            Some(WriterHandle::InPlace(writer)) => {
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

    fn prepare_commit(&mut self) -> Progress {
        let prepared = match &mut self.writer {
            None => return Ok(()),
            Some(WriterHandle::InPlace(writer)) => match prepare(writer) {
                Ok(committables) => committables,
                Err(error) => return Err(self.failed(error)),
            },
            Some(WriterHandle::Thread { jobs, preparing, .. }) => {
                if !*preparing && jobs.try_send(Job::PrepareCommit).is_ok() {
                    *preparing = true;
                }
                match self.check_thread()? {
                    Some(committables) => committables,
                    // The thread wakes the subtask once it is done.
                    None => return Err(Stop::Blocked),
                }
            }
        };
        self.task.committables.borrow_mut().push(AnyCommittables { sink: self.node, committables: prepared });
        Ok(())
    }
}

/// Writes a batch; an error names the record that it happened at.
fn write_all<W: SinkWriter>(writer: &mut W, batch: &mut Batch<W::In>) -> Result<(), Box<TaskError>> {
    let mut records = batch.consume();
    writer.write(&mut records).map_err(|error| TaskError::at(records.site(), error))
}

/// Has the writer finish what it has written.
fn prepare<W: SinkWriter>(writer: &mut W) -> Result<Committables, Box<TaskError>>
where
    W::Committable: Serialize,
{
    let prepared = writer.prepare_commit().map_err(|error| TaskError::at(Site::default(), error))?;
    encode_committables(&prepared).map_err(|error| TaskError::at(Site::default(), error))
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
            (Signal::Flush, Some(WriterHandle::InPlace(writer))) => {
                writer.flush().map_err(|error| self.failed(TaskError::at(Site::default(), error)))?;
            }
            (Signal::ProcessingTime(now), Some(WriterHandle::InPlace(writer))) => {
                let done = if writer.deadline().is_some_and(|at| at <= *now) { writer.on_time(*now) } else { Ok(()) };
                if let Some(deadline) = writer.deadline() {
                    self.task.wake_at(deadline);
                }
                done.map_err(|error| self.failed(TaskError::at(Site::default(), error)))?;
            }
            (Signal::End, _) if !self.ended => {
                self.prepare_commit()?;
                self.ended = true;
            }
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
                Ok(Some(Job::PrepareCommit)) => {
                    let _ = self.results.send(Outcome::Prepared(prepare(&mut writer)?));
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
