//! What can go wrong, by layer: building a job, running a task of it, running the whole.

pub(crate) mod blame;

use std::fmt;

pub use blame::Site;

/// The result of a user's function; any error type converts into its error with `?`.
pub type Result<T, E = anyhow::Error> = std::result::Result<T, E>;

/// A job that cannot run. Found before anything starts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two operators would share one identity in a snapshot.
    #[error("operators {first} and {second} have the same uid `{uid}`: give one of them another with `.uid(..)`")]
    DuplicateUid {
        /// The uid that is used twice.
        uid: String,
        /// The first operator and where it was added.
        first: String,
        /// The second operator and where it was added.
        second: String,
    },
    /// A parallelism of zero.
    #[error("operator {operator} has parallelism 0: it must be at least 1")]
    ZeroParallelism {
        /// The operator and where it was added.
        operator: String,
    },
    /// More subtasks than key groups.
    #[error(
        "operator {operator} has parallelism {parallelism}, above the maximum of {max_parallelism}: lower it, or raise \
         `max_parallelism` (a snapshot fixes the maximum)"
    )]
    ParallelismAboveMax {
        /// The operator and where it was added.
        operator: String,
        /// What was asked for.
        parallelism: usize,
        /// The number of key groups.
        max_parallelism: usize,
    },
    /// A number of key groups outside what a key group's number can hold.
    #[error("operator {operator} has max parallelism {max_parallelism}: it must be between 1 and 32768")]
    MaxParallelismOutOfRange {
        /// The operator and where it was added.
        operator: String,
        /// What was asked for.
        max_parallelism: usize,
    },
    /// A forward edge between different parallelisms.
    #[error(
        "the edge from {from} (parallelism {upstream}) to {to} (parallelism {downstream}) is `forward`, which needs \
         equal parallelism: use `.rebalance()` or `.rescale()`, or make them equal"
    )]
    ForwardMismatch {
        /// The sending operator.
        from: String,
        /// The receiving operator.
        to: String,
        /// Its number of subtasks.
        upstream: usize,
        /// Its number of subtasks.
        downstream: usize,
    },
    /// A job without any operator.
    #[error("the job is empty: add a source and a sink to the environment")]
    Empty,
    /// One side output read by tags of different types.
    #[error(
        "side output `{tag}` of operator {operator} is read as `{first}` and as `{second}`: give one of the tags another \
         name"
    )]
    SideOutputTypes {
        /// The tag's name.
        tag: &'static str,
        /// The operator and where it was added.
        operator: String,
        /// The type that one reader expects.
        first: &'static str,
        /// The type that another reader expects.
        second: &'static str,
    },
    /// A source that never ends, in a job that is to give final results.
    #[error(
        "source {source_operator} never ends, and batch mode gives results at the end of the input: bound the source, or run \
         the job in streaming mode"
    )]
    UnboundedInBatchMode {
        /// The source and where it was added.
        source_operator: String,
    },
    /// A setting that batch mode does not have.
    #[error("batch mode {what}: leave that out, or run the job in streaming mode")]
    NotInBatchMode {
        /// What batch mode does instead.
        what: &'static str,
    },
    /// A setting of an operator that cannot be.
    #[error("operator {operator}: {reason}")]
    Operator {
        /// The operator and where it was added.
        operator: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Why a subtask failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// User code panicked.
    #[error("panicked: {0}")]
    Panic(String),
    /// User code returned an error.
    #[error("{0:#}")]
    User(anyhow::Error),
    /// A source could not be read, or holds what its reader cannot accept.
    #[error(transparent)]
    Source(#[from] crate::connector::SourceError),
    /// A sink could not be written.
    #[error(transparent)]
    Sink(#[from] crate::connector::SinkError),
    /// State could not be snapshotted or restored.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
    /// The framework broke one of its own rules.
    #[error("internal error: {0}")]
    Internal(String),
}

/// The failure of one subtask: what went wrong, in which operator, at which record.
#[derive(Debug)]
pub struct TaskError {
    /// The operator's name.
    pub operator: String,
    /// Which subtask of it, from 0.
    pub subtask: usize,
    /// The record that was being worked on, as far as it is known.
    pub site: Site,
    /// What went wrong.
    pub cause: Cause,
}

impl TaskError {
    /// A failure whose operator and subtask the chain fills in.
    pub(crate) fn at(site: Site, cause: impl Into<Cause>) -> Box<Self> {
        Box::new(Self { operator: String::new(), subtask: 0, site, cause: cause.into() })
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator `{}`, subtask {}", self.operator, self.subtask)?;
        write!(f, "{}: {}", self.site, self.cause)
    }
}

impl std::error::Error for TaskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.cause)
    }
}

/// A job that did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// It could not be started.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A subtask failed.
    #[error(transparent)]
    Task(#[from] Box<TaskError>),
    /// The splits of a source could not be found.
    #[error("source `{source_name}`: {error}")]
    Enumerator {
        /// The source's name.
        source_name: String,
        /// Why.
        error: crate::connector::SourceError,
    },
    /// All data was processed, but the output could not be made visible.
    #[error("sink `{sink_name}`: the output is complete but could not be committed: {error}")]
    Commit {
        /// The sink's name.
        sink_name: String,
        /// Why.
        error: crate::connector::SinkError,
    },
    /// A sink's committer could not be made, or could not commit the output of the snapshot that the job goes on from.
    #[error("sink `{sink_name}`: the committer cannot start: {error}")]
    Recover {
        /// The sink's name.
        sink_name: String,
        /// Why.
        error: crate::connector::SinkError,
    },
    /// Checkpoints fail, or the place for them cannot be used.
    #[error("checkpoints: {0}")]
    Checkpoint(String),
    /// A snapshot that cannot be read.
    #[error(transparent)]
    Snapshot(#[from] crate::checkpoint::CheckpointError),
    /// A snapshot that does not fit the job.
    #[error("cannot restore: {0}")]
    Restore(String),
    /// It was told to end at once.
    #[error("the job was cancelled")]
    Cancelled,
    /// A test has had its process die, see [`Fault::Die`](crate::testing::Fault::Die).
    #[error("the job was killed")]
    Killed,
    /// A part of the machinery around the job could not be started.
    #[error("cannot start the job: {0}")]
    Start(String),
}
