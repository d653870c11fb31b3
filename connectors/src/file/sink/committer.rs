//! Makes part files visible.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use millstream::connector::{Committer, SinkError};

use super::part::{FilePart, cannot, sync_directory};

/// Renames part files to their visible names.
pub struct FileCommitter {
    directory: PathBuf,
}

impl FileCommitter {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn show(&self, part: &FilePart) -> Result<(), SinkError> {
        let (hidden, visible) = (part.hidden_path(&self.directory), part.visible_path(&self.directory));
        match fs::rename(&hidden, &visible) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It has been committed before, or it is lost.
                if visible.exists() { Ok(()) } else { Err(lost(&hidden, &visible, error)) }
            }
            done => done.map_err(|error| cannot("rename to its visible name", &hidden, error)),
        }
    }
}

fn lost(hidden: &std::path::Path, visible: &std::path::Path, error: io::Error) -> SinkError {
    let what = format!("cannot make {} visible: neither it nor {} exists", visible.display(), hidden.display());
    SinkError::Io { what, error }
}

impl Committer for FileCommitter {
    type Committable = FilePart;

    fn commit(&mut self, parts: Vec<FilePart>) -> Result<(), SinkError> {
        parts.iter().try_for_each(|part| self.show(part))?;
        let directories: BTreeSet<_> = parts.iter().map(|part| part.directory(&self.directory)).collect();
        directories.iter().try_for_each(|directory| sync_directory(directory))
    }

    fn abort(&mut self, parts: Vec<FilePart>) -> Result<(), SinkError> {
        for part in parts {
            let hidden = part.hidden_path(&self.directory);
            match fs::remove_file(&hidden) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", &hidden, error)),
                _ => {}
            }
        }
        Ok(())
    }
}
