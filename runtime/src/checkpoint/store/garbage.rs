//! What is no longer needed.
//!
//! A manifest is deleted before anything that it refers to, so an interruption leaves no manifest that refers to what is
//! gone; what it does leave, a later collection removes.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::pointers::Pointer;
use super::{CheckpointStore, names};
use crate::checkpoint::{CheckpointError, CheckpointId, Manifest, SnapshotKind};

impl CheckpointStore {
    /// Deletes what no restore will need; answers how many objects. To be called when a snapshot has been completed, not
    /// twice at a time. Deletes
    ///
    /// * checkpoints of the lineage, but for the newest `retain`;
    /// * what is left of snapshots that were never completed, if their numbers are lower than the latest checkpoint's;
    /// * shared files that only deleted checkpoints refer to, or nothing did when the epoch began;
    ///
    /// but no checkpoint or part whose number is not below the `oldest_in_progress`, no savepoint, and no checkpoint of
    /// another lineage.
    pub(crate) fn collect_garbage(
        &self,
        lineage: &str,
        retain: usize,
        oldest_in_progress: Option<CheckpointId>,
    ) -> Result<usize, CheckpointError> {
        let snapshots = self.snapshots()?;
        let pointers = self.pointers(&checkpoints(&snapshots))?;
        let own: Vec<&Manifest> = manifests(&pointers).filter(|manifest| manifest.lineage == lineage).collect();
        let Some(latest) = own.last() else { return Ok(0) };
        let is_over = |id: CheckpointId| oldest_in_progress.is_none_or(|oldest| id < oldest);

        let surplus = own.len().saturating_sub(retain);
        let dropped: Vec<&Manifest> = own[..surplus].iter().copied().filter(|manifest| is_over(manifest.id)).collect();
        let mut deleted = 0;
        for manifest in &dropped {
            deleted += self.remove(manifest.id, manifest.kind, &snapshots)?;
        }
        for (id, kind) in snapshots.iter().copied().filter(|(id, _)| *id < latest.id && is_over(*id)) {
            if !self.objects.exists(&format!("{}/{}", self.directory(id, kind), names::METADATA))? {
                deleted += self.remove(id, kind, &snapshots)?;
            }
        }
        let unneeded = {
            let mut inherited = self.inherited.lock().unwrap_or_else(PoisonError::into_inner);
            // Not before this epoch has a checkpoint: until then, one of an earlier epoch may still turn up.
            let left =
                if inherited.epoch == latest.epoch { std::mem::take(&mut inherited.files) } else { BTreeSet::new() };
            files(dropped.iter().copied()).map(str::to_owned).chain(left).collect()
        };
        deleted += self.remove_files(&pointers, &dropped, unneeded)?;
        Ok(deleted)
    }

    /// Deletes a snapshot.
    #[cfg_attr(not(test), expect(dead_code, reason = "nobody deletes a savepoint by way of a job"))]
    pub(crate) fn delete(&self, id: CheckpointId, kind: SnapshotKind) -> Result<usize, CheckpointError> {
        let snapshots = self.snapshots()?;
        let pointers = self.pointers(&checkpoints(&snapshots))?;
        let dropped: Vec<&Manifest> = manifests(&pointers).filter(|own| (own.id, own.kind) == (id, kind)).collect();
        let mut deleted = self.remove(id, kind, &snapshots)?;
        let unneeded = files(dropped.iter().copied()).map(str::to_owned).collect();
        deleted += self.remove_files(&pointers, &dropped, unneeded)?;
        Ok(deleted)
    }

    /// Deletes what is left of one of some snapshots, its manifest first. The highest number leaves a marker, so that it
    /// is not used again.
    fn remove(
        &self,
        id: CheckpointId,
        kind: SnapshotKind,
        snapshots: &[(CheckpointId, SnapshotKind)],
    ) -> Result<usize, CheckpointError> {
        let directory = self.directory(id, kind);
        let mut objects = self.objects.list(&directory)?;
        let is_highest = snapshots.last() == Some(&(id, kind));
        if is_highest {
            self.mark(&format!("{directory}/{}", names::DELETED))?;
            objects.retain(|object| object != names::DELETED);
        }
        let names = objects.iter().map(|object| format!("{directory}/{object}"));
        let (manifest, rest): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with(names::METADATA));
        self.objects.delete(&manifest)?;
        self.objects.delete(&rest)?;
        if !is_highest {
            self.objects.remove_folder(&directory);
        }
        Ok(objects.len())
    }

    /// Deletes shared files, but for those that a checkpoint other than the dropped ones refers to.
    fn remove_files(
        &self,
        pointers: &[Pointer],
        dropped: &[&Manifest],
        mut unneeded: BTreeSet<String>,
    ) -> Result<usize, CheckpointError> {
        if pointers.iter().any(|pointer| pointer.manifest.is_err()) {
            // It is not known what that one refers to.
            return Ok(0);
        }
        let is_dropped = |manifest: &Manifest| dropped.iter().any(|dropped| dropped.id == manifest.id);
        for file in files(manifests(pointers).filter(|manifest| !is_dropped(manifest))) {
            unneeded.remove(file);
        }
        let unneeded: Vec<String> = unneeded.iter().map(|file| format!("{}/{file}", names::SHARED)).collect();
        self.objects.delete(&unneeded)?;
        Ok(unneeded.len())
    }
}

fn checkpoints(snapshots: &[(CheckpointId, SnapshotKind)]) -> Vec<(CheckpointId, SnapshotKind)> {
    snapshots.iter().copied().filter(|(_, kind)| *kind == SnapshotKind::Checkpoint).collect()
}

fn manifests(pointers: &[Pointer]) -> impl Iterator<Item = &Manifest> {
    pointers.iter().filter_map(|pointer| pointer.manifest.as_ref().ok())
}

fn files<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> impl Iterator<Item = &'a str> {
    manifests.flat_map(|manifest| manifest.parts.iter().flat_map(|part| part.files.iter().map(String::as_str)))
}
