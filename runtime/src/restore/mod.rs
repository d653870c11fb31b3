//! What a job goes on from, and whether it can.
//!
//! A snapshot is found by what `--restore` says; operators find their state in it by uid. What does not fit by its uids or
//! key groups is refused before anything runs; what does not fit by its types is met when subtasks are restored, or told
//! before by a [`RestoreCheck`].

mod check;
mod contents;
mod fit;
mod report;

pub(crate) use check::check;
pub(crate) use fit::Fit;
pub use report::{OperatorCheck, Outcome, RestoreCheck};

use crate::checkpoint::{CheckpointError, CheckpointStore, Manifest, resolve};
use crate::graph::Settings;

/// The snapshot that `--restore` names, and the store to read its parts from; `store` is the job's own.
pub(crate) fn find(
    from: &str,
    settings: &Settings,
    store: Option<&CheckpointStore>,
) -> Result<(CheckpointStore, Manifest), CheckpointError> {
    match store {
        Some(store) if from == "latest" => Ok((store.clone(), store.load("latest")?)),
        _ => resolve(from, settings.checkpointing.as_ref().and_then(|checkpointing| checkpointing.location())),
    }
}
