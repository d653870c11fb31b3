//! Which snapshots there are.

use super::{CheckpointStore, names};
use crate::checkpoint::format::ObjectKind;
use crate::checkpoint::{CheckpointError, CheckpointId, Manifest, SnapshotKind};

/// A complete snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completed {
    pub(crate) id: CheckpointId,
    pub(crate) kind: SnapshotKind,
    /// What a user passes to `--restore`.
    pub(crate) path: String,
}

/// A snapshot whose manifest is there, readable or not.
pub(super) struct Pointer {
    pub(super) id: CheckpointId,
    pub(super) kind: SnapshotKind,
    pub(super) manifest: Result<Manifest, CheckpointError>,
}

impl CheckpointStore {
    /// The complete snapshots, the latest last. One whose manifest is damaged is among them.
    pub(crate) fn completed(&self) -> Result<Vec<Completed>, CheckpointError> {
        let pointers = self.pointers(&self.snapshots()?)?.into_iter();
        Ok(pointers.map(|Pointer { id, kind, .. }| Completed { id, kind, path: self.path_of(id, kind) }).collect())
    }

    /// The latest snapshot, be it checkpoint or savepoint.
    pub(crate) fn latest(&self) -> Result<Option<Manifest>, CheckpointError> {
        self.pointers(&self.snapshots()?)?.pop().map(|pointer| pointer.manifest).transpose()
    }

    /// The latest snapshot of one run.
    pub(crate) fn latest_of(&self, lineage: &str) -> Result<Option<Manifest>, CheckpointError> {
        for pointer in self.pointers(&self.snapshots()?)?.into_iter().rev() {
            // A damaged one may be the run's own: to go on from an older one instead would repeat its output.
            let manifest = pointer.manifest?;
            if manifest.lineage == lineage {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }

    /// A snapshot by what [`CheckpointStore::path_of`] says, or the `latest`.
    pub(crate) fn load(&self, path: &str) -> Result<Manifest, CheckpointError> {
        if path == "latest" {
            let Some(manifest) = self.latest()? else { return Err(self.none_complete()?) };
            return Ok(manifest);
        }
        let path = path.trim_end_matches('/');
        let directory = path.rsplit_once('/').map_or(path, |(_, directory)| directory);
        let found = if self.objects.full_name(directory) == path { self.load_directory(directory)? } else { None };
        found.ok_or_else(|| CheckpointError::NothingThere { path: path.to_owned() })
    }

    /// A number above all that ever were there.
    pub(crate) fn next_id(&self) -> Result<CheckpointId, CheckpointError> {
        let highest = self.snapshots()?.last().map_or(0, |(id, _)| id.0);
        Ok(CheckpointId(highest + 1))
    }

    /// The snapshots that have left anything in the store, the highest number last.
    pub(super) fn snapshots(&self) -> Result<Vec<(CheckpointId, SnapshotKind)>, CheckpointError> {
        let folders = self.objects.folders()?;
        let mut snapshots: Vec<_> = folders.iter().filter_map(|name| names::parse_directory(name)).collect();
        snapshots.sort_unstable();
        Ok(snapshots)
    }

    /// Those of some snapshots, in ascending order, that are complete, the latest last.
    pub(super) fn pointers(&self, snapshots: &[(CheckpointId, SnapshotKind)]) -> Result<Vec<Pointer>, CheckpointError> {
        let (mut ranked, mut highest_epoch) = (Vec::new(), 0);
        for (id, kind) in snapshots.iter().copied() {
            let manifest = match self.load_directory(&self.directory(id, kind)).transpose() {
                None => continue,
                Some(Err(error)) if !matches!(error, CheckpointError::Damaged { .. }) => return Err(error),
                Some(manifest) => manifest,
            };
            // The epoch of a damaged one is not known; its number says what it came after.
            let epoch = manifest.as_ref().map_or(highest_epoch, |manifest| manifest.epoch);
            highest_epoch = highest_epoch.max(epoch);
            ranked.push(((epoch, id), Pointer { id, kind, manifest }));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        Ok(ranked.into_iter().map(|(_, pointer)| pointer).collect())
    }

    /// The manifest in a directory, if there is one.
    pub(super) fn load_directory(&self, directory: &str) -> Result<Option<Manifest>, CheckpointError> {
        let name = format!("{directory}/{}", names::METADATA);
        let Some(read) = self.objects.read(ObjectKind::Manifest, &name)? else { return Ok(None) };
        let damaged = |error| CheckpointError::Damaged { object: self.objects.full_name(&name), error };
        let manifest: Manifest = read.value().map_err(damaged)?;
        Ok(Some(manifest.found_in(directory)))
    }

    /// Why there is no latest snapshot.
    pub(super) fn none_complete(&self) -> Result<CheckpointError, CheckpointError> {
        let path = self.objects.location.clone();
        let mut incomplete = 0;
        for (id, kind) in self.snapshots()? {
            let objects = self.objects.list(&self.directory(id, kind))?;
            incomplete += usize::from(objects.iter().any(|object| names::is_part(object)));
        }
        Ok(CheckpointError::NoneComplete { path, incomplete })
    }
}
