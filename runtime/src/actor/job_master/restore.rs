//! What an attempt goes on from.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::Shared;
use crate::checkpoint::{CheckpointError, CheckpointStore, Manifest};
use crate::error::JobError;
use crate::graph::{Plan, Settings};
use crate::restore::{Fit, find};
use crate::state::TaskSnapshot;

/// A snapshot that has been read.
pub(super) struct Restored {
    pub(super) manifest: Manifest,
    /// All parts together: each subtask takes what is its own.
    pub(super) snapshot: Arc<TaskSnapshot>,
    /// Where to commit what it describes: whether that has been done already.
    pub(super) is_committed: bool,
}

/// The run that the job's checkpoints belong to: that of the snapshot it goes on from, if that run's checkpoints are in the
/// same place; else a new one.
pub(super) fn lineage(store: Option<&CheckpointStore>, from: Option<&Manifest>) -> Result<Arc<str>, JobError> {
    if let (Some(store), Some(manifest)) = (store, from)
        && store.latest_of(&manifest.lineage)?.is_some()
    {
        return Ok(manifest.lineage.as_str().into());
    }
    Ok(format!("{:016x}", RandomState::new().hash_one(std::process::id())).into())
}

/// The place for checkpoints, and what was restored from where.
type Opened = (Option<CheckpointStore>, Option<(CheckpointStore, Restored)>);

/// Opens the place for checkpoints, and reads what the job was told to go on from.
pub(super) fn open(settings: &Settings, plan: &Plan) -> Result<Opened, JobError> {
    let store = settings.checkpointing.as_ref().map(|checkpointing| checkpointing.open()).transpose()?;
    let Some(from) = &settings.restore else {
        if let Some(store) = &store
            && let Some(last) = store.completed()?.last()
        {
            tracing::warn!(last = %last.path, "the job starts anew, though there are snapshots of an earlier run");
        }
        return Ok((store, None));
    };
    let (source, manifest) = find(from, settings, store.as_ref())?;
    let restored = read(&source, manifest)?;
    Fit::new(plan, &restored.manifest, restored.snapshot.stateful_uids()).check(plan)?;
    Ok((store, Some((source, restored))))
}

/// What to go on from after a failure: the last snapshot of this run, else what the run itself went on from.
pub(super) fn after_failure(
    shared: &Shared,
    initial: Option<&(CheckpointStore, Manifest)>,
) -> Result<Option<Restored>, JobError> {
    if let Some(store) = &shared.store
        && let Some(manifest) = store.latest_of(&shared.lineage)?
    {
        return Ok(Some(read(store, manifest)?));
    }
    initial.map(|(store, manifest)| read(store, manifest.clone())).transpose()
}

fn read(store: &CheckpointStore, manifest: Manifest) -> Result<Restored, JobError> {
    let parts = manifest.parts.iter().map(|part| store.read_part(part));
    let parts = parts.collect::<Result<Vec<_>, CheckpointError>>()?;
    let snapshot = Arc::new(TaskSnapshot::merge(parts));
    let is_committed = store.is_committed(manifest.id, manifest.kind)?;
    tracing::info!(from = %store.path_of(manifest.id, manifest.kind), "state restored");
    Ok(Restored { manifest, snapshot, is_committed })
}
