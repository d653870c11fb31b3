//! Files of databases.
//!
//! Files of one name have the same content, so a file is written once for all checkpoints that refer to it. A savepoint
//! has copies of its own.

use std::path::Path;
use std::sync::PoisonError;

use super::{CheckpointStore, names};
use crate::checkpoint::format::{Frame, ObjectKind};
use crate::checkpoint::{CheckpointError, PartRef, SnapshotKind};
use crate::state::{FileSet, SharedFile, TaskSnapshot};

impl CheckpointStore {
    /// Writes the files of a subtask's databases, as far as they are not there; answers how a part refers to them, and
    /// the bytes written.
    pub(super) fn store_files(
        &self,
        directory: &str,
        kind: SnapshotKind,
        snapshot: &TaskSnapshot,
    ) -> Result<(Vec<String>, u64), CheckpointError> {
        let folder = match kind {
            SnapshotKind::Checkpoint => names::SHARED.to_owned(),
            SnapshotKind::Savepoint => format!("{directory}/{}", names::FILES),
        };
        let mut uploaded = 0;
        for set in snapshot.file_sets() {
            for file in &set.files {
                uploaded += self.store_file(&folder, file, &set.local)?;
            }
        }
        let reference = |name: String| match kind {
            SnapshotKind::Checkpoint => name,
            SnapshotKind::Savepoint => format!("{folder}/{name}"),
        };
        Ok((snapshot.shared_files().into_iter().map(reference).collect(), uploaded))
    }

    fn store_file(&self, folder: &str, file: &SharedFile, local: &Path) -> Result<u64, CheckpointError> {
        let name = format!("{folder}/{}", file.name);
        self.inherited.lock().unwrap_or_else(PoisonError::into_inner).files.remove(&file.name);
        if self.objects.exists(&name)? {
            return Ok(0);
        }
        let path = local.join(&file.file);
        let content = std::fs::read(&path).map_err(|error| refused("read", &path, error))?;
        let frame = Frame::of_bytes(ObjectKind::File, content);
        let bytes = frame.bytes();
        self.objects.put(&name, frame)?;
        Ok(bytes)
    }

    /// Copies the files of a database to a local directory, to be restored from; answers the bytes read.
    pub(crate) fn fetch_files(&self, set: &mut FileSet, directory: &Path) -> Result<u64, CheckpointError> {
        let folder = if set.stored.is_empty() { names::SHARED } else { &set.stored };
        std::fs::create_dir_all(directory).map_err(|error| refused("create", directory, error))?;
        let mut bytes = 0;
        for file in &set.files {
            let name = format!("{folder}/{}", file.name);
            let Some(read) = self.objects.read(ObjectKind::File, &name)? else {
                return Err(CheckpointError::Missing { object: self.objects.full_name(&name) });
            };
            let path = directory.join(&file.file);
            std::fs::write(&path, &read.payload).map_err(|error| refused("write", &path, error))?;
            bytes += read.payload.len() as u64;
        }
        set.local = directory.to_owned();
        Ok(bytes)
    }
}

/// Says where in the store the files are that a part refers to.
pub(super) fn locate(snapshot: &mut TaskSnapshot, part: &PartRef) {
    if let Some((folder, _)) = part.files.first().and_then(|file| file.rsplit_once('/')) {
        snapshot.file_sets_mut().for_each(|set| set.stored = folder.to_owned());
    }
}

fn refused(action: &'static str, path: &Path, error: std::io::Error) -> CheckpointError {
    CheckpointError::Store { action, object: path.display().to_string(), reason: error.to_string() }
}
