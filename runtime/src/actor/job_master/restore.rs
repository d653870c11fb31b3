//! What an attempt goes on from.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use tempfile::TempDir;

use super::Shared;
use crate::checkpoint::{CheckpointError, CheckpointStore, Manifest};
use crate::error::JobError;
use crate::graph::{Plan, Settings};
use crate::restore::{Fit, find};
use crate::state::{StateBackend, TaskSnapshot};

/// A snapshot that has been read.
pub(super) struct Restored {
    pub(super) manifest: Manifest,
    /// All parts together: each subtask takes what is its own.
    pub(super) snapshot: Arc<TaskSnapshot>,
    /// What of it is in files, which are removed with this.
    pub(super) files: Option<Arc<TempDir>>,
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

/// What a job begins with.
pub(super) struct Opened {
    /// The place for checkpoints.
    pub(super) store: Option<CheckpointStore>,
    /// Claimed there before anything was read, so that no other run completes a snapshot in between.
    pub(super) epoch: u64,
    /// What was restored, and from where.
    pub(super) restored: Option<(CheckpointStore, Restored)>,
}

/// Opens the place for checkpoints, and reads what the job was told to go on from.
pub(super) fn open(settings: &Settings, plan: &Plan) -> Result<Opened, JobError> {
    let store = settings.checkpointing.as_ref().map(|checkpointing| checkpointing.open()).transpose()?;
    let claim = || begin_epoch(store.as_ref());
    let Some(from) = &settings.restore else {
        if let Some(store) = &store
            && let Some(last) = store.completed()?.last()
        {
            tracing::warn!(last = %last.path, "the job starts anew, though there are snapshots of an earlier run");
        }
        return Ok(Opened { epoch: claim()?, store, restored: None });
    };
    // Looked for twice, so that nothing is claimed where there is nothing to restore.
    find(from, settings, store.as_ref())?;
    let epoch = claim()?;
    let (source, manifest) = find(from, settings, store.as_ref())?;
    let restored = read(&source, manifest, &settings.state_backend)?;
    Fit::new(plan, &restored.manifest, restored.snapshot.stateful_uids()).check(plan)?;
    Ok(Opened { store, epoch, restored: Some((source, restored)) })
}

fn begin_epoch(store: Option<&CheckpointStore>) -> Result<u64, CheckpointError> {
    store.map_or(Ok(0), CheckpointStore::begin_epoch)
}

/// What to go on from after a failure, in an epoch of its own: the last snapshot that this process has completed, else
/// what it began with, be there later ones or not.
pub(super) fn after_failure(
    shared: &Shared,
    initial: Option<&(CheckpointStore, Manifest)>,
) -> Result<(u64, Option<Restored>), JobError> {
    let epoch = begin_epoch(shared.store.as_ref())?;
    let backend = &shared.plan.graph.settings.state_backend;
    if let Some(store) = &shared.store
        && let Some(manifest) = store.latest_of(&shared.lineage)?.filter(|last| last.epoch >= shared.first_epoch)
    {
        return Ok((epoch, Some(read(store, manifest, backend)?)));
    }
    let restored = initial.map(|(store, manifest)| read(store, manifest.clone(), backend)).transpose()?;
    Ok((epoch, restored))
}

fn read(store: &CheckpointStore, manifest: Manifest, backend: &StateBackend) -> Result<Restored, JobError> {
    let parts = manifest.parts.iter().map(|part| store.read_part(part));
    let parts = parts.collect::<Result<Vec<_>, CheckpointError>>()?;
    let mut snapshot = TaskSnapshot::merge(parts);
    let files = fetch(store, &mut snapshot, backend)?;
    let snapshot = Arc::new(snapshot);
    let is_committed = store.is_committed(manifest.id, manifest.kind)?;
    tracing::info!(from = %store.path_of(manifest.id, manifest.kind), "state restored");
    Ok(Restored { manifest, snapshot, files, is_committed })
}

/// Copies the files that the state is in to a directory of their own, where the backend has its files.
fn fetch(
    store: &CheckpointStore,
    snapshot: &mut TaskSnapshot,
    backend: &StateBackend,
) -> Result<Option<Arc<TempDir>>, JobError> {
    // A binary that cannot read files says so when an operator asks for what is in them.
    if !cfg!(feature = "rocksdb") || snapshot.file_sets().next().is_none() {
        return Ok(None);
    }
    let parent = backend.directory();
    let directory = std::fs::create_dir_all(&parent)
        .and_then(|()| tempfile::Builder::new().prefix("millstream-restore-").tempdir_in(&parent))
        .map_err(|error| JobError::Restore(format!("no directory in {} for the state: {error}", parent.display())))?;
    for (number, set) in snapshot.file_sets_mut().enumerate() {
        store.fetch_files(set, &directory.path().join(number.to_string()))?;
    }
    Ok(Some(Arc::new(directory)))
}
