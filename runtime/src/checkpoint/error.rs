//! What can go wrong with checkpoints in their store.

use super::CheckpointId;
use super::format::FormatError;

/// A store that cannot be used, or a snapshot that cannot be written or read. Names the object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A place that is none.
    #[error("`{location}` cannot hold checkpoints: {reason}")]
    Location {
        /// As given.
        location: String,
        /// Why.
        reason: String,
    },
    /// The store, or the file system, refuses.
    #[error("cannot {action} `{object}`: {reason}")]
    Store {
        /// What was tried.
        action: &'static str,
        /// On what.
        object: String,
        /// What the store says.
        reason: String,
    },
    /// Something that a snapshot needs is gone.
    #[error("`{object}` is missing, though a snapshot refers to it")]
    Missing {
        /// What is gone.
        object: String,
    },
    /// An object is not what was written.
    #[error("`{object}`: {error}")]
    Damaged {
        /// The object.
        object: String,
        /// What is wrong with it.
        error: FormatError,
    },
    /// Another run of the job has taken over.
    #[error(
        "another run of the job has begun epoch {newer} in `{location}`, and this one is of epoch {own}: it may write \
         no more checkpoints there"
    )]
    Superseded {
        /// The store.
        location: String,
        /// The epoch of this run.
        own: u64,
        /// The epoch of the other.
        newer: u64,
    },
    /// The snapshot's number is in use.
    #[error("`{object}` exists already: another run has written a snapshot {id}")]
    Taken {
        /// The snapshot's metadata.
        object: String,
        /// Its number.
        id: CheckpointId,
    },
    /// `latest` of what?
    #[error("to restore `latest`, say which directory the checkpoints are in, with --checkpoint-dir")]
    LatestOfWhat,
    /// Nothing is there.
    #[error("there is nothing at `{path}`")]
    NothingThere {
        /// What was asked for.
        path: String,
    },
    /// Only attempts.
    #[error("no snapshot in `{path}` is complete{}", and_incomplete(*incomplete))]
    NoneComplete {
        /// The directory.
        path: String,
        /// How many were begun.
        incomplete: usize,
    },
    /// An attempt.
    #[error("the snapshot `{path}` was never completed: it has parts, but no `_metadata`")]
    Incomplete {
        /// The snapshot's directory.
        path: String,
    },
    /// Something else.
    #[error("`{path}` is not a snapshot, nor a directory of checkpoints")]
    NotASnapshot {
        /// What was asked for.
        path: String,
    },
}

fn and_incomplete(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(": {count} incomplete"),
    }
}
