//! The sink contract: a writer in each subtask, and a committer that makes what was written visible.
//!
//! What a writer has finished but not made visible is described by **committables**. They are part of a checkpoint;
//! once it is complete (or, without checkpoints, once the job has ended well) the committer commits them. Committing is idempotent:
//! doing it again after a crash changes nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::channel::batch::Consume;
use crate::data::Data;
use crate::time::{Clock, Timestamp};

/// A sink that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The outside world failed.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, with the file, address or topic.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A record that cannot be encoded or that the system refuses.
    #[error("a record cannot be written to {target}: {reason}")]
    Rejected {
        /// The file, table or topic.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Output of a complete snapshot that cannot be made visible any more.
    #[error("{what} is lost: {reason}")]
    Lost {
        /// Which output.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The committer panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// A snapshot describes output in a way that this sink does not understand.
    #[error("what is to be committed cannot be read, was the snapshot made with another sink? {0}")]
    Undecodable(#[from] crate::state::StateError),
    /// A setting that cannot be.
    #[error("{0}")]
    Invalid(String),
}

/// What a sink promises about output when a job fails and is restored from a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Every record is visible once.
    ExactlyOnce,
    /// Every record is visible at least once.
    AtLeastOnce,
    /// None: output that was written before a failure may be repeated or lost.
    None,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactlyOnce => "exactly-once",
            Self::AtLeastOnce => "at-least-once",
            Self::None => "no guarantee",
        })
    }
}

/// What a writer can know of its place.
#[derive(Clone)]
pub struct SinkContext {
    /// The job's name.
    pub job: Arc<str>,
    /// The run that the writer belongs to, see [`RecoverContext::run`].
    pub run: Arc<str>,
    /// The sink's uid, which no other of the job has.
    pub sink: Arc<str>,
    /// Which writer this is, from 0.
    pub subtask: usize,
    /// How many there are.
    pub parallelism: usize,
    /// How often the job has been restarted.
    pub attempt: u32,
    /// Whether the job goes on from a snapshot.
    pub restored: bool,
    /// Where processing time comes from.
    pub clock: Arc<dyn Clock>,
}

impl SinkContext {
    /// A writer of a new job's first attempt, for one that is driven by hand, as in a test.
    pub fn new(subtask: usize, parallelism: usize, clock: Arc<dyn Clock>) -> Self {
        let [job, run, sink] = ["job", "run", "sink"].map(Arc::from);
        Self { job, run, sink, subtask, parallelism, attempt: 0, restored: false, clock }
    }
}

/// What a committer can know of the job that starts.
#[derive(Debug, Clone)]
pub struct RecoverContext {
    /// The job's name.
    pub job: Arc<str>,
    /// The run that starts or goes on. Random when a job begins; its later attempts have the same, also in another
    /// process if they go on from a snapshot of it. No two jobs that run at the same time have the same.
    pub run: Arc<str>,
    /// The sink's uid, which no other of the job has.
    pub sink: Arc<str>,
    /// How often the job has been restarted.
    pub attempt: u32,
    /// Whether the job goes on from a snapshot.
    pub restored: bool,
    /// The pause between two checkpoints, if there are any.
    pub checkpoint_interval: Option<Duration>,
}

/// A place that records go to.
///
/// Contract: building and cloning one does no I/O.
pub trait Sink: Send + Sync + 'static {
    /// The records' values.
    type In: Data;
    /// Describes something written but not yet visible.
    type Committable: Clone + Send + Serialize + DeserializeOwned + 'static;
    /// What writes.
    type Writer: SinkWriter<In = Self::In, Committable = Self::Committable>;
    /// What makes written output visible.
    type Committer: Committer<Committable = Self::Committable>;

    /// What it is called unless the job says otherwise, for example `file:out`.
    fn name(&self) -> String;

    /// What it promises.
    fn guarantee(&self) -> Guarantee;

    /// Whether writing may wait. Such writers get a thread each, to which the subtask hands batches.
    fn may_block(&self) -> bool {
        true
    }

    /// A writer for one subtask.
    fn writer(&self, ctx: SinkContext) -> Result<Self::Writer, SinkError>;

    /// The committer; one per job, on a thread that may wait.
    fn committer(&self) -> Result<Self::Committer, SinkError>;
}

/// Writes records.
///
/// Contract:
/// * `write` takes all records out of the cursor, or fails.
/// * `prepare_commit` makes all that was written so far durable, and describes what is not visible yet; each piece of
///   output is described once.
/// * A writer that is dropped without `prepare_commit` leaves nothing visible that it would not also leave if the
///   process were killed.
pub trait SinkWriter: 'static {
    /// The records' values.
    type In: Data;
    /// Describes something written but not yet visible.
    type Committable;

    /// Writes records.
    fn write(&mut self, records: &mut Consume<'_, Self::In>) -> Result<(), SinkError>;

    /// Processing time has reached the instant asked for by [`SinkWriter::deadline`].
    fn on_time(&mut self, _now: Timestamp) -> Result<(), SinkError> {
        Ok(())
    }

    /// When [`SinkWriter::on_time`] should be called next, in processing time.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Called before [`SinkWriter::prepare_commit`]: what its first `calls` calls have described is committed, and the latest
    /// complete snapshot does not describe it any more, so no restart from that will commit it again. The number never
    /// decreases.
    fn released(&mut self, _calls: u64) {}

    /// Sends on what is buffered; called when there is nothing else to do.
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Finishes what was written so far.
    fn prepare_commit(&mut self) -> Result<Vec<Self::Committable>, SinkError>;
}

/// Makes written output visible.
///
/// Contract:
/// * Committing is idempotent and resumable. Committing again what was committed, wholly or in part, succeeds and
///   changes nothing.
/// * `recover` is called once at each start of the job, in every attempt, before any of its writers is made.
/// * `recover` may remove what earlier attempts of the same run and sink left. It does not touch what `restored`
///   describes, nor what another run or another sink has written.
pub trait Committer: Send + 'static {
    /// Describes something written but not yet visible.
    type Committable;

    /// Makes it visible.
    fn commit(&mut self, committables: Vec<Self::Committable>) -> Result<(), SinkError>;

    /// Commits what the snapshot holds that the job goes on from, and removes what earlier attempts of this run have left
    /// and nobody will commit. Without a snapshot, `restored` is empty.
    ///
    /// Of what `restored` describes, any part may have been committed long ago, and taken away since by whoever reads
    /// the output.
    fn recover(&mut self, _ctx: RecoverContext, restored: Vec<Self::Committable>) -> Result<(), SinkError> {
        if restored.is_empty() { Ok(()) } else { self.commit(restored) }
    }

    /// Called after a job without checkpoints has ended badly: removes what was written and will never be committed.
    fn abort(&mut self, _committables: Vec<Self::Committable>) -> Result<(), SinkError> {
        Ok(())
    }
}

/// The committer of a sink whose output is visible as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCommitter;

impl Committer for NoCommitter {
    type Committable = ();

    fn commit(&mut self, _committables: Vec<()>) -> Result<(), SinkError> {
        Ok(())
    }
}
