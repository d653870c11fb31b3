//! Where a job begins.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::Stream;
use crate::actor::{self, Command, Control, Controller, JobEnd, JobRun, threads};
use crate::checkpoint::{CheckpointHistory, Checkpointing, RestartStrategy};
use crate::connector::Source;
use crate::data::Data;
use crate::error::{BuildError, JobError};
use crate::graph::{Body, Chaining, Graph, Node, Plan, RuntimeMode};
use crate::observe::{JobMetrics, JobSummary, Observed, Observer, log_guarantees};
use crate::restore::{self, RestoreCheck};
use crate::state::StateBackend;
use crate::task::{SourceDriver, enumerator_factory};
use crate::testing::Faults;
use crate::time::{Clock, SystemClock};

/// A job under construction.
///
/// ```
/// use millstream::prelude::*;
///
/// let env = Environment::new("doubles");
/// let doubled = env.from_collection(vec![1, 2, 3]).map(|n| n * 2).collect();
/// env.execute()?;
/// assert_eq!(doubled.take(), [2, 4, 6]);
/// # Ok::<(), millstream::JobError>(())
/// ```
pub struct Environment {
    pub(crate) graph: Rc<RefCell<Graph>>,
    clock: RefCell<Arc<dyn Clock>>,
}

impl Environment {
    /// An empty job with this name.
    pub fn new(name: &str) -> Self {
        Self { graph: Rc::new(RefCell::new(Graph::new(name))), clock: RefCell::new(Arc::new(SystemClock::new())) }
    }

    /// The job's name.
    pub fn name(&self) -> String {
        self.graph.borrow().settings.job.clone()
    }

    /// Names the job.
    pub fn set_name(&self, name: &str) -> &Self {
        self.graph.borrow_mut().settings.job = name.to_owned();
        self
    }

    /// How many subtasks each operator has unless it says otherwise; 1 at first.
    pub fn set_parallelism(&self, parallelism: usize) -> &Self {
        self.graph.borrow_mut().settings.parallelism = parallelism;
        self
    }

    /// How many subtasks each operator has unless it says otherwise.
    pub fn parallelism(&self) -> usize {
        self.graph.borrow().settings.parallelism
    }

    /// The number of key groups, 128 at first and 32768 at most: no operator can have more subtasks. Snapshots are cut
    /// by key groups, so it may not change between a snapshot and its restore.
    pub fn set_max_parallelism(&self, max_parallelism: usize) -> &Self {
        self.graph.borrow_mut().settings.max_parallelism = max_parallelism;
        self
    }

    /// Gives every operator subtasks of its own; for finding out which of them is slow.
    pub fn disable_chaining(&self) -> &Self {
        self.graph.borrow_mut().settings.chaining = false;
        self
    }

    /// Takes checkpoints; without, a job that fails has to begin again.
    pub fn set_checkpointing(&self, checkpointing: Checkpointing) -> &Self {
        self.graph.borrow_mut().settings.checkpointing = Some(checkpointing);
        self
    }

    /// How checkpoints are taken, if they are.
    pub(crate) fn checkpointing(&self) -> Option<Checkpointing> {
        self.graph.borrow().settings.checkpointing.clone()
    }

    /// Goes on from a snapshot: its path, or `latest` for the last one in the place for checkpoints. If there is none,
    /// the job fails; it never silently begins anew.
    pub fn restore_from(&self, snapshot: &str) -> &Self {
        self.graph.borrow_mut().settings.restore = Some(snapshot.to_owned());
        self
    }

    /// Whether state in the snapshot that no operator of the job takes may be dropped; if not, as at first, the job fails.
    pub fn allow_non_restored_state(&self, allow: bool) -> &Self {
        self.graph.borrow_mut().settings.allow_non_restored_state = allow;
        self
    }

    /// What becomes of the job when a part of it fails. Unless this is called: with checkpoints it is restarted after a
    /// growing pause, without it fails.
    pub fn set_restart_strategy(&self, strategy: RestartStrategy) -> &Self {
        self.graph.borrow_mut().settings.restart = Some(strategy);
        self
    }

    /// Whether results come as records do, which is so unless this is called, or only final ones at the end.
    pub fn set_runtime_mode(&self, mode: RuntimeMode) -> &Self {
        self.graph.borrow_mut().settings.mode = mode;
        self
    }

    /// Where the state of keys is kept; in memory unless this is called.
    pub fn set_state_backend(&self, backend: StateBackend) -> &Self {
        self.graph.borrow_mut().settings.state_backend = backend;
        self
    }

    /// Where the state of keys is kept.
    pub(crate) fn state_backend(&self) -> StateBackend {
        self.graph.borrow().settings.state_backend.clone()
    }

    /// Has the job fail where and when a test wants it to.
    pub fn inject(&self, faults: &Faults) -> &Self {
        self.graph.borrow_mut().settings.faults = faults.inject();
        self
    }

    /// Takes processing time from another clock; for tests.
    pub fn set_clock(&self, clock: Arc<dyn Clock>) -> &Self {
        *self.clock.borrow_mut() = clock;
        self
    }

    /// The stream of a source's records.
    #[track_caller]
    pub fn source<S: Source>(&self, source: S) -> Stream<S::Out> {
        let source = Arc::new(source);
        let name = source.name();
        let boundedness = source.boundedness();
        let enumerator = enumerator_factory(Arc::clone(&source));
        let body = Body::Source {
            make: Arc::new(move |ctx, downstream| {
                Ok(Box::new(SourceDriver::new(Arc::clone(&source), &ctx, downstream)))
            }),
            enumerator,
            boundedness,
        };
        let node = self.graph.borrow_mut().add(Node {
            name,
            uid: None,
            stateful: true,
            anonymous: true,
            parallelism: None,
            max_parallelism: None,
            chaining: Chaining::Always,
            slot_group: None,
            location: Location::caller(),
            inputs: Vec::new(),
            body,
            invalid: None,
        });
        Stream::of_node(Rc::clone(&self.graph), node)
    }

    /// The stream of the values of a collection, in order if read by one subtask.
    #[track_caller]
    pub fn from_collection<T: Data>(&self, values: impl IntoIterator<Item = T>) -> Stream<T> {
        self.source(crate::connector::CollectionSource::new(values.into_iter().collect()))
    }

    /// Checks the job and settles how it will run.
    pub fn plan(&self) -> Result<Plan, BuildError> {
        let settings = self.graph.borrow().settings.clone();
        let graph = self.graph.replace(Graph { settings, nodes: Vec::new() });
        Plan::new(graph)
    }

    /// Checks the job and makes it ready to run; the environment is empty afterwards.
    pub fn build(&self) -> Result<Job, BuildError> {
        let clock = Arc::clone(&self.clock.borrow());
        let (controller, control) = Control::new();
        Ok(Job {
            plan: Arc::new(self.plan()?),
            clock,
            registry: Arc::default(),
            history: Arc::default(),
            progress: false,
            controller,
            control,
        })
    }

    /// Runs the job and waits for its end. May be called from anywhere, also from inside a tokio runtime (where it
    /// blocks its thread; [`Environment::execute_async`] does not).
    pub fn execute(&self) -> Result<JobSummary, JobError> {
        self.build()?.run()
    }

    /// Runs the job without blocking the caller's thread.
    pub fn execute_async(&self) -> impl Future<Output = Result<JobSummary, JobError>> + Send + use<> {
        let job = self.build();
        async move { job?.run_async().await }
    }
}

/// A job that has been checked and can be sent to another thread and run.
pub struct Job {
    plan: Arc<Plan>,
    clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<JobMetrics>,
    history: Arc<CheckpointHistory>,
    progress: bool,
    controller: Controller,
    control: Control,
}

/// Talks to a job that runs, from any thread.
#[derive(Debug, Clone)]
pub struct JobHandle {
    controller: Controller,
    history: Arc<CheckpointHistory>,
}

impl JobHandle {
    /// Takes a savepoint while the job goes on; answers with its path. Waits for it.
    pub fn savepoint(&self) -> Result<String, JobError> {
        self.ask(false)
    }

    /// Takes a savepoint, commits the output before it and ends the job; answers with the savepoint's path.
    pub fn stop_with_savepoint(&self) -> Result<String, JobError> {
        self.ask(true)
    }

    /// Asks for a savepoint while the job goes on, and does not wait.
    pub(crate) fn request_savepoint(&self, reply: impl FnOnce(Result<String, String>) + Send + 'static) {
        self.controller.send(Command::Savepoint { stop: false, reply: Some(Box::new(reply)) });
    }

    /// Asks the job to stop, with a savepoint if it can take one, and does not wait.
    pub(crate) fn request_stop(&self) {
        self.controller.send(Command::Savepoint { stop: true, reply: None });
    }

    fn ask(&self, stop: bool) -> Result<String, JobError> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let reply = Box::new(move |result| drop(reply.send(result)));
        self.controller.send(Command::Savepoint { stop, reply: Some(reply) });
        let ended = |_| JobError::Checkpoint("the job has ended without a savepoint".to_owned());
        answer.recv().map_err(ended)?.map_err(JobError::Checkpoint)
    }

    /// Ends the job at once, without a savepoint.
    pub fn cancel(&self) {
        self.controller.send(Command::Cancel);
    }

    /// What has become of the job's checkpoints.
    pub fn checkpoints(&self) -> &CheckpointHistory {
        &self.history
    }
}

impl Job {
    /// How it will run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// For talking to the job while it runs.
    pub fn handle(&self) -> JobHandle {
        JobHandle { controller: self.controller.clone(), history: Arc::clone(&self.history) }
    }

    /// Tells what the job would restore from the snapshot that it was told to go on from, and what does not fit. Runs nothing.
    pub fn check_restore(&self) -> Result<RestoreCheck, JobError> {
        restore::check(&self.plan)
    }

    /// Shows a progress line on standard error while the job runs, if that is a terminal and the job has an end.
    #[must_use]
    pub fn show_progress(mut self) -> Self {
        self.progress = true;
        self
    }

    /// Runs the job on threads of its own and waits for its end.
    pub fn run(self) -> Result<JobSummary, JobError> {
        let thread = self.start(|_| {})?;
        thread.join().unwrap_or_else(|_| Err(JobError::Start("the job's thread has panicked".to_owned())))
    }

    /// Runs the job on threads of its own without blocking the caller's.
    pub async fn run_async(self) -> Result<JobSummary, JobError> {
        let (done, ended) = tokio::sync::oneshot::channel();
        let _thread = self.start(move |()| {
            let _ = done.send(());
        })?;
        // The sender is dropped if the thread panics; joining then says so without waiting.
        let _ = ended.await;
        _thread.join().unwrap_or_else(|_| Err(JobError::Start("the job's thread has panicked".to_owned())))
    }

    /// Runs the job on threads of its own; `at_end` is called there.
    pub(crate) fn start(
        self,
        at_end: impl FnOnce(()) + Send + 'static,
    ) -> Result<std::thread::JoinHandle<Result<JobSummary, JobError>>, JobError> {
        let history = Arc::clone(&self.history);
        threads::spawn("job", move || {
            let summary = self.run_here();
            history.ended();
            at_end(());
            summary
        })
        .map_err(|error| JobError::Start(format!("no thread for the job: {error}")))
    }

    fn run_here(self) -> Result<JobSummary, JobError> {
        let Self { plan, clock, registry, history, progress, controller: _, control } = self;
        let began = clock.monotonic();
        let job = plan.graph.settings.job.as_str();
        let observed = Observed {
            plan: Arc::clone(&plan),
            registry: Arc::clone(&registry),
            history: Arc::clone(&history),
            clock: Arc::clone(&clock),
            // Of a job without an end there is no progress to tell, only its metrics.
            progress: progress && plan.is_bounded(),
        };
        let observer = Observer::start(observed)
            .map_err(|error| JobError::Start(format!("no thread to observe the job: {error}")))?;
        let (chains, subtasks) = (plan.vertices.len(), plan.subtasks());
        tracing::info!(
            job,
            parallelism = plan.graph.settings.parallelism,
            chains,
            subtasks,
            slots = plan.slots,
            "job started"
        );
        log_guarantees(&plan, plan.graph.settings.checkpointing.is_some());
        let run = JobRun {
            plan: Arc::clone(&plan),
            clock: Arc::clone(&clock),
            registry: Arc::clone(&registry),
            history,
            control,
        };
        let ended = actor::run(run);
        drop(observer);
        let mut summary = JobSummary::new(&plan, &registry, clock.monotonic().saturating_sub(began));
        let JobSummary { records_read, records_written, elapsed, .. } = &summary;
        match &ended {
            Ok(JobEnd::Finished) => tracing::info!(job, records_read, records_written, ?elapsed, "job finished"),
            Ok(JobEnd::Stopped { savepoint }) => tracing::info!(job, %savepoint, ?elapsed, "job stopped"),
            // What has gone wrong is the caller's to tell.
            Err(_) => tracing::info!(job, records_read, ?elapsed, "job failed"),
        }
        if let JobEnd::Stopped { savepoint } = ended? {
            summary.savepoint = Some(savepoint);
        }
        Ok(summary)
    }
}
