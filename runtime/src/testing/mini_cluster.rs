//! Whole jobs in this process, which can be killed and gone on with.

use std::cell::Cell;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use super::Faults;
use crate::checkpoint::{CheckpointHistory, Checkpointing, RestartStrategy};
use crate::error::JobError;
use crate::observe::JobSummary;
use crate::stream::{Environment, JobHandle};

/// The pause between two checkpoints, unless the test says otherwise.
const INTERVAL: Duration = Duration::from_millis(5);

/// Sets something on the environment of each run.
type Configure = Box<dyn Fn(&Environment)>;

/// Runs a job in this process, with checkpoints in a temporary directory, as often as a test wants: it can be stopped
/// or killed in the middle, and gone on with at another parallelism.
///
/// Checkpoints are taken every 5 ms, and a job whose part has failed is restarted at once, again and again, unless
/// [`MiniCluster::configure`] says otherwise.
///
/// ```
/// use millstream::connector::{CollectSink, GeneratorSource};
/// use millstream::prelude::*;
/// use millstream::testing::MiniCluster;
///
/// let (sink, output) = CollectSink::new();
/// let cluster = MiniCluster::new(move |env| {
///     let numbers = env.source(GeneratorSource::new(10_000, |n| n).rate(200_000.0)).uid("numbers");
///     numbers.key_by_owned(|n| n % 7).count().uid("count").sink(sink.clone()).uid("out");
/// });
/// let running = cluster.start()?;
/// running.wait_for_checkpoints(2);
/// running.kill();
///
/// cluster.set_parallelism(3);
/// cluster.resume()?.join()?;
/// assert_eq!(output.len(), 10_000);
/// # Ok::<(), millstream::JobError>(())
/// ```
pub struct MiniCluster {
    build: Box<dyn Fn(&Environment)>,
    configure: Vec<Configure>,
    parallelism: Cell<usize>,
    checkpointing: Checkpointing,
    faults: Faults,
    /// Goes with the cluster.
    _directory: TempDir,
}

impl MiniCluster {
    /// A cluster for the job that `build` wires; it is called for each run anew.
    ///
    /// # Panics
    ///
    /// If there can be no temporary directory.
    pub fn new(build: impl Fn(&Environment) + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        Self {
            build: Box::new(build),
            configure: Vec::new(),
            parallelism: Cell::new(1),
            checkpointing: Checkpointing::to(directory.path().display().to_string()).interval(INTERVAL),
            faults: Faults::new(),
            _directory: directory,
        }
    }

    /// Changes how checkpoints are taken.
    ///
    /// ```
    /// # use millstream::testing::MiniCluster;
    /// # use std::time::Duration;
    /// let cluster = MiniCluster::new(|env| drop(env.from_collection([1]).collect()))
    ///     .checkpointing(|settings| settings.unaligned_after(Some(Duration::ZERO)));
    /// cluster.run()?;
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn checkpointing(mut self, change: impl FnOnce(Checkpointing) -> Checkpointing) -> Self {
        self.checkpointing = change(self.checkpointing);
        self
    }

    /// Changes settings of each run, after the cluster's own.
    #[must_use]
    pub fn configure(mut self, configure: impl Fn(&Environment) + 'static) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Has the job fail where and when the plan says. The faults strike in whichever run comes to them.
    #[must_use]
    pub fn faults(mut self, faults: &Faults) -> Self {
        self.faults = faults.clone();
        self
    }

    /// How many subtasks each operator has in the runs that are started from now on; 1 at first.
    pub fn set_parallelism(&self, parallelism: usize) -> &Self {
        self.parallelism.set(parallelism);
        self
    }

    /// Runs the job from its beginning to its end.
    pub fn run(&self) -> Result<JobSummary, JobError> {
        self.start()?.join()
    }

    /// Starts the job from its beginning.
    pub fn start(&self) -> Result<RunningJob, JobError> {
        self.start_from(None)
    }

    /// Starts the job from its last completed checkpoint or savepoint; there must be one.
    pub fn restore_latest(&self) -> Result<RunningJob, JobError> {
        self.start_from(Some("latest"))
    }

    /// Starts the job from a savepoint or checkpoint.
    pub fn restore(&self, snapshot: &str) -> Result<RunningJob, JobError> {
        self.start_from(Some(snapshot))
    }

    /// Starts the job as somebody would after a crash: from its last completed checkpoint or savepoint, and from its
    /// beginning if there is none, since nothing has been committed then.
    pub fn resume(&self) -> Result<RunningJob, JobError> {
        let is_begun = !self.checkpointing.open()?.completed()?.is_empty();
        if is_begun { self.restore_latest() } else { self.start() }
    }

    fn start_from(&self, snapshot: Option<&str>) -> Result<RunningJob, JobError> {
        let env = Environment::new("test");
        env.set_parallelism(self.parallelism.get())
            .set_checkpointing(self.checkpointing.clone())
            .set_restart_strategy(RestartStrategy::FixedDelay { attempts: u32::MAX, delay: Duration::ZERO })
            .inject(&self.faults);
        if let Some(snapshot) = snapshot {
            env.restore_from(snapshot);
        }
        self.configure.iter().for_each(|configure| configure(&env));
        (self.build)(&env);
        let job = env.build()?;
        let handle = job.handle();
        Ok(RunningJob { handle, faults: self.faults.clone(), thread: job.start(|()| {})? })
    }
}

/// A job that a [`MiniCluster`] has started.
///
/// It runs on if this is dropped.
#[derive(Debug)]
pub struct RunningJob {
    handle: JobHandle,
    faults: Faults,
    thread: JoinHandle<Result<JobSummary, JobError>>,
}

impl RunningJob {
    /// Waits until so many checkpoints and savepoints of this run are complete; answers whether they are: not if the
    /// job has ended before.
    pub fn wait_for_checkpoints(&self, count: u64) -> bool {
        self.handle.checkpoints().wait_for_completed(count)
    }

    /// Takes a savepoint while the job goes on; answers with its path.
    pub fn savepoint(&self) -> Result<String, JobError> {
        self.handle.savepoint()
    }

    /// Ends the job with a savepoint, and the output before it committed; answers with the savepoint's path. If there
    /// can be no savepoint, the job is killed.
    pub fn stop_with_savepoint(self) -> Result<String, JobError> {
        match self.handle.stop_with_savepoint() {
            Ok(savepoint) => self.join().map(|_| savepoint),
            Err(error) => {
                self.kill();
                Err(error)
            }
        }
    }

    /// Has the process die, as far as the job can tell: nothing more is stored, committed or removed. Waits until all is
    /// still, so that another run may begin.
    pub fn kill(self) {
        self.faults.kill();
        // How it would have ended otherwise, died before or finished just now, makes no difference.
        let _ = self.join();
    }

    /// Ends the job at once, in good order.
    pub fn cancel(self) {
        self.handle.cancel();
        let _ = self.join();
    }

    /// What has become of the checkpoints of this run.
    pub fn checkpoints(&self) -> &CheckpointHistory {
        self.handle.checkpoints()
    }

    /// Waits for the end of the job.
    pub fn join(self) -> Result<JobSummary, JobError> {
        self.thread.join().unwrap_or_else(|_| Err(JobError::Start("the job's thread has panicked".to_owned())))
    }
}
