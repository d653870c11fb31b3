//! Checkpoints of a database.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use rocksdb::checkpoint::Checkpoint;

use super::Database;
use super::link::is_immutable;
use crate::operator::TaskInfo;
use crate::state::{FileSet, SharedFile, StateError};

impl Database {
    /// Flushes what has been written, and links all files into a directory of their own, which belongs to whoever stores
    /// them, and may outlive the database.
    ///
    /// The database may be read and written meanwhile; what is written then may be in the checkpoint or not.
    pub(crate) fn checkpoint(&self, info: &TaskInfo) -> Result<FileSet, StateError> {
        let number = self.checkpoints.fetch_add(1, Ordering::Relaxed);
        let local = self.shared.root.path().join(format!("checkpoint-{}-{number}", self.id));
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(&local))
            .map_err(|error| StateError::store(self.path(), "cannot be checkpointed", error))?;
        let files =
            self.files_in(&local, number).map_err(|error| StateError::store(&local, "cannot be listed", error))?;
        Ok(FileSet {
            database: self.id.clone(),
            subtask: info.subtask,
            parallelism: info.parallelism,
            max_parallelism: info.max_parallelism,
            files,
            stored: String::new(),
            sample: BTreeMap::new(),
            local,
        })
    }

    fn files_in(&self, checkpoint: &Path, number: u64) -> io::Result<Vec<SharedFile>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(checkpoint)? {
            let entry = entry?;
            let bytes = entry.metadata()?.len();
            let file = entry.file_name().to_string_lossy().into_owned();
            files.push(match self.inherited.get(&file) {
                Some(inherited) => inherited.clone(),
                None if is_immutable(&file) => SharedFile { name: format!("{}-{file}", self.id), file, bytes },
                // The database goes on writing to it under the same name.
                None => SharedFile { name: format!("{}-{number}-{file}", self.id), file, bytes },
            });
        }
        files.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(files)
    }
}
