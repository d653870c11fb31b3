//! The place that snapshots are kept: a directory or an object store.
//!
//! What always holds:
//!
//! * A snapshot is complete when its manifest is there, which is one object, created once and never changed. It is
//!   written after all that it refers to, and deleted before.
//! * Of two runs of a job, only the later one completes snapshots: each claims an **epoch** before it reads what is there,
//!   and a commit is good only if no higher epoch has been claimed by the time it is written.
//! * The latest snapshot is the one of the highest epoch, and of that the one of the highest number. Numbers are not used
//!   again.
//! * Nothing is deleted that a complete snapshot needs, nor anything of one under way.
//!
//! All calls block, and may be made from any thread.

mod epoch;
mod files;
mod garbage;
mod io;
mod location;
mod names;
mod objects;
mod pointers;
mod resolve;

#[cfg(test)]
mod faulty;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub(crate) use resolve::resolve;

use self::location::Location;
use self::objects::Objects;
use super::format::{Frame, ObjectKind};
use super::{CheckpointError, CheckpointId, Manifest, PartRef, SnapshotKind};
use crate::state::TaskSnapshot;

/// A place for snapshots.
#[derive(Debug, Clone)]
pub(crate) struct CheckpointStore {
    objects: Objects,
    /// A snapshot that is not in the directory of its name: somebody has moved it.
    moved: Option<(CheckpointId, SnapshotKind, String)>,
    /// What earlier epochs have left in the folder of shared files.
    inherited: Arc<Mutex<Inherited>>,
}

/// The shared files that were there when an epoch began: no snapshot of that epoch has brought them.
#[derive(Debug, Default)]
struct Inherited {
    epoch: u64,
    files: BTreeSet<String>,
}

impl CheckpointStore {
    /// The store at a directory, which need not be there, or at a `file:` or `s3:` URL.
    pub(crate) fn open(location: &str) -> Result<Self, CheckpointError> {
        Ok(Self::of(Location::parse(location)?.open(location)?))
    }

    /// The root of an object store, which errors and paths name `location`.
    #[cfg(test)]
    pub(crate) fn over(store: Arc<dyn object_store::ObjectStore>, location: &str) -> Self {
        let root = object_store::path::Path::ROOT;
        Self::of(Objects { store, root, location: location.to_owned(), local: None })
    }

    fn of(objects: Objects) -> Self {
        Self { objects, moved: None, inherited: Arc::default() }
    }

    /// What a user passes to `--restore` for a snapshot.
    pub(crate) fn path_of(&self, id: CheckpointId, kind: SnapshotKind) -> String {
        self.objects.full_name(&self.directory(id, kind))
    }

    /// Writes the state of one subtask, and the files that it refers to and that are not there.
    pub(crate) fn write_part(
        &self,
        id: CheckpointId,
        kind: SnapshotKind,
        name: &str,
        snapshot: &TaskSnapshot,
    ) -> Result<PartRef, CheckpointError> {
        let directory = self.directory(id, kind);
        let (files, uploaded) = self.store_files(&directory, kind, snapshot)?;
        let path = format!("{directory}/{}", names::part(name));
        let frame = self.frame(ObjectKind::Part, &path, snapshot)?;
        let (bytes, checksum) = (frame.bytes() + uploaded, frame.checksum);
        self.objects.put(&path, frame)?;
        Ok(PartRef { path, bytes, checksum, files })
    }

    /// The state of one subtask.
    pub(crate) fn read_part(&self, part: &PartRef) -> Result<TaskSnapshot, CheckpointError> {
        let object = || self.objects.full_name(&part.path);
        let damaged = |error| CheckpointError::Damaged { object: object(), error };
        let Some(read) = self.objects.read(ObjectKind::Part, &part.path)? else {
            return Err(CheckpointError::Missing { object: object() });
        };
        read.expect_checksum(part.checksum).map_err(damaged)?;
        let mut snapshot: TaskSnapshot = read.value().map_err(damaged)?;
        files::locate(&mut snapshot, part);
        Ok(snapshot)
    }

    /// Completes a snapshot, if no later run has begun. After an error it may be complete or not.
    pub(crate) fn commit(&self, manifest: &Manifest) -> Result<(), CheckpointError> {
        self.refuse_superseded(manifest.epoch)?;
        let directory = self.directory(manifest.id, manifest.kind);
        let name = format!("{directory}/{}", names::METADATA);
        let frame = self.frame(ObjectKind::Manifest, &name, &manifest.clone().relative_to(&directory))?;
        let written = frame.concat();
        let created = self.objects.create(&name, frame);
        // It is ours, too, if the answer to a first attempt was lost.
        if !matches!(created, Ok(true)) && !matches!(self.objects.get(&name), Ok(Some(there)) if there == written) {
            created?;
            return Err(CheckpointError::Taken { object: self.objects.full_name(&name), id: manifest.id });
        }
        // A run that began in between may not have seen the snapshot; then its output must not be made visible.
        self.refuse_superseded(manifest.epoch)
    }

    /// Notes that the sinks have committed a snapshot's output.
    pub(crate) fn mark_committed(&self, id: CheckpointId, kind: SnapshotKind) -> Result<(), CheckpointError> {
        self.mark(&format!("{}/{}", self.directory(id, kind), names::COMMITTED))
    }

    /// Whether that has been noted. If not, it may have been done all the same.
    pub(crate) fn is_committed(&self, id: CheckpointId, kind: SnapshotKind) -> Result<bool, CheckpointError> {
        self.objects.exists(&format!("{}/{}", self.directory(id, kind), names::COMMITTED))
    }

    fn mark(&self, name: &str) -> Result<(), CheckpointError> {
        // Somebody else's marker is as good.
        self.objects.create(name, Frame::of_bytes(ObjectKind::Marker, Vec::new())).map(|_| ())
    }

    fn frame<T: serde::Serialize>(&self, kind: ObjectKind, name: &str, value: &T) -> Result<Frame, CheckpointError> {
        let damaged = |error| CheckpointError::Damaged { object: self.objects.full_name(name), error };
        Frame::of_value(kind, value).map_err(damaged)
    }

    /// The directory of a snapshot, in the store.
    fn directory(&self, id: CheckpointId, kind: SnapshotKind) -> String {
        match &self.moved {
            Some((moved_id, moved_kind, directory)) if (*moved_id, *moved_kind) == (id, kind) => directory.clone(),
            _ => names::directory(id, kind),
        }
    }
}
