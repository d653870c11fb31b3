//! Checkpoints: consistent snapshots of a running job, from which it goes on after a failure.
//!
//! A barrier flows with the records and cuts each stream in two. What an operator has processed before it is in the
//! snapshot. Deciding is apart from doing: `coordinator` and `restart` are pure, actors carry out what they decide.

mod barrier;
mod coordinator;
mod error;
mod format;
mod history;
mod id;
mod manifest;
mod restart;
mod settings;
mod store;

pub(crate) use barrier::{Barrier, Purpose};
pub(crate) use coordinator::{Action, Coordinator, Event, Rhythm, SubtaskId};
pub use error::CheckpointError;
pub use format::FormatError;
pub use history::{CheckpointCounts, CheckpointHistory, CheckpointRecord, CheckpointStatus, SubtaskCheckpoint};
pub use id::CheckpointId;
pub(crate) use manifest::{Manifest, OperatorMeta, PartRef, SnapshotKind};
pub use restart::RestartStrategy;
pub(crate) use restart::{Decision, Restarts};
pub use settings::{CheckpointMode, Checkpointing};
pub(crate) use store::{CheckpointStore, resolve};
