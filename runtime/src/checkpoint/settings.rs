//! How a job is checkpointed.

use std::time::Duration;

use super::store::CheckpointStore;
use super::{CheckpointError, Rhythm};

/// What a checkpoint promises of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckpointMode {
    /// Each record is in the state once.
    #[default]
    ExactlyOnce,
    /// Each record is in the state at least once: inputs do not wait for one another, and so records may be counted
    /// again after a restore.
    AtLeastOnce,
}

/// How a job is checkpointed. Made by [`Checkpointing::to`]; the rest has defaults.
///
/// ```
/// use std::time::Duration;
/// use millstream::checkpoint::Checkpointing;
///
/// let every_second = Checkpointing::to("/var/lib/job").interval(Duration::from_secs(1));
/// # let _ = every_second;
/// ```
#[derive(Debug, Clone)]
pub struct Checkpointing {
    place: Place,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) min_pause: Duration,
    pub(crate) max_concurrent: usize,
    pub(crate) tolerable_failures: usize,
    pub(crate) retained: usize,
    pub(crate) mode: CheckpointMode,
    pub(crate) unaligned_after: Option<Duration>,
    pub(crate) keep_on_cancel: bool,
}

#[derive(Clone)]
enum Place {
    Location(String),
    #[expect(dead_code)]
    Store(CheckpointStore),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Location(location) => location.fmt(f),
            Self::Store(_) => f.write_str("a store"),
        }
    }
}

impl Checkpointing {
    /// Checkpoints to a directory or a URL such as `s3://bucket/prefix`, every ten seconds.
    pub fn to(location: impl Into<String>) -> Self {
        Self::at(Place::Location(location.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(600),
            min_pause: Duration::ZERO,
            max_concurrent: 1,
            tolerable_failures: 5,
            retained: 1,
            mode: CheckpointMode::default(),
            unaligned_after: Some(Duration::from_secs(10)),
            keep_on_cancel: true,
        }
    }

    /// How long after the start of a checkpoint the next one begins.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long a checkpoint may take before it is given up.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long after the end of a checkpoint the next one begins at the earliest.
    #[must_use]
    pub fn min_pause(mut self, pause: Duration) -> Self {
        self.min_pause = pause;
        self
    }

    /// How many checkpoints may be under way at a time; one, unless this is called.
    #[must_use]
    pub fn max_concurrent(mut self, count: usize) -> Self {
        self.max_concurrent = count.max(1);
        self
    }

    /// How many checkpoints in a row may fail before the job does; five, unless this is called.
    #[must_use]
    pub fn tolerable_failures(mut self, count: usize) -> Self {
        self.tolerable_failures = count;
        self
    }

    /// How many completed checkpoints are kept; one, unless this is called.
    #[must_use]
    pub fn retained(mut self, count: usize) -> Self {
        self.retained = count.max(1);
        self
    }

    /// What a checkpoint promises of the state.
    #[must_use]
    pub fn mode(mut self, mode: CheckpointMode) -> Self {
        self.mode = mode;
        self
    }

    /// How long barriers wait for the records before them; then they overtake, and those records are in the checkpoint.
    /// `Duration::ZERO` for at once, `None` for never; ten seconds, unless this is called.
    #[must_use]
    pub fn unaligned_after(mut self, after: Option<Duration>) -> Self {
        self.unaligned_after = after;
        self
    }

    /// Whether the checkpoints stay when the job is cancelled, as they do unless this is called.
    #[must_use]
    pub fn keep_on_cancel(mut self, keep: bool) -> Self {
        self.keep_on_cancel = keep;
        self
    }

    pub(crate) fn rhythm(&self) -> Rhythm {
        Rhythm {
            interval: Some(self.interval),
            timeout: self.timeout,
            min_pause: self.min_pause,
            max_concurrent: self.max_concurrent,
            tolerable_failures: self.tolerable_failures,
        }
    }

    /// The place that checkpoints are written to, as a person would write it.
    pub(crate) fn location(&self) -> Option<&str> {
        match &self.place {
            Place::Location(location) => Some(location),
            Place::Store(_) => None,
        }
    }

    pub(crate) fn open(&self) -> Result<CheckpointStore, CheckpointError> {
        match &self.place {
            Place::Location(location) => CheckpointStore::open(location),
            Place::Store(store) => Ok(store.clone()),
        }
    }
}
