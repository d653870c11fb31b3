//! Makes part files visible.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream::connector::{Committer, RecoverContext, SinkError};
use walkdir::WalkDir;

use super::owner::Owner;
use super::part::{FilePart, cannot, sync_directory};
use crate::file::hidden::is_hidden;

/// Renames part files to their visible names, and removes those that nobody will.
///
/// A part that has neither its hidden nor its visible name has been renamed and then moved away by a reader, or its
/// hidden file is lost; the directory no longer tells which. So:
///
/// * `commit`, which is the first to rename a part or comes soon after that, fails and names the part.
/// * `recover` takes it for moved away, and logs a warning with its name. It was on the disk when its checkpoint was
///   acknowledged; since then only committing has taken its hidden name from it, or somebody who removes hidden files.
pub struct FileCommitter {
    directory: PathBuf,
}

/// What became of a part that is to be visible.
enum Shown {
    /// It has its visible name.
    Visible,
    /// It has neither name.
    Gone(io::Error),
}

impl FileCommitter {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Makes parts visible, and waits until that is on the disk; `gone` decides about those that are not there.
    fn show_all(
        &self,
        parts: &[FilePart],
        gone: impl Fn(&FilePart, io::Error) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let mut directories = BTreeSet::new();
        for part in parts {
            match self.show(part)? {
                Shown::Visible => {
                    directories.insert(part.directory(&self.directory));
                }
                Shown::Gone(error) => gone(part, error)?,
            }
        }
        directories.iter().try_for_each(|directory| sync_directory(directory))
    }

    fn show(&self, part: &FilePart) -> Result<Shown, SinkError> {
        let (hidden, visible) = (part.hidden_path(&self.directory), part.visible_path(&self.directory));
        match fs::rename(&hidden, &visible) {
            Ok(()) => Ok(Shown::Visible),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(if visible.exists() { Shown::Visible } else { Shown::Gone(error) })
            }
            Err(error) => Err(cannot("rename to its visible name", &hidden, error)),
        }
    }

    fn lost(&self, part: &FilePart, error: io::Error) -> SinkError {
        let (hidden, visible) = (part.hidden_path(&self.directory), part.visible_path(&self.directory));
        let what = format!("cannot make {} visible: neither it nor {} exists", visible.display(), hidden.display());
        SinkError::Io { what, error }
    }

    /// Removes all hidden files of an owner.
    fn remove_hidden(&self, owner: &Owner) -> Result<(), SinkError> {
        let entries = WalkDir::new(&self.directory).min_depth(1).into_iter();
        for entry in entries.filter_entry(|entry| !entry.file_type().is_dir() || !is_hidden(entry.file_name())) {
            match entry {
                Ok(entry) if entry.file_name().to_str().is_some_and(|name| owner.has_named(name)) => {
                    tracing::debug!(file = %entry.path().display(), "removing what an earlier attempt has left");
                    remove(entry.path())?;
                }
                Ok(_) => {}
                // The directory of a sink that has not written yet, or what was moved away while we looked.
                Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {}
                Err(error) => return Err(cannot("read", &self.directory, error.into())),
            }
        }
        Ok(())
    }
}

fn remove(hidden: &Path) -> Result<(), SinkError> {
    match fs::remove_file(hidden) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", hidden, error)),
        _ => Ok(()),
    }
}

impl Committer for FileCommitter {
    type Committable = FilePart;

    fn commit(&mut self, parts: Vec<FilePart>) -> Result<(), SinkError> {
        self.show_all(&parts, |part, error| Err(self.lost(part, error)))
    }

    fn recover(&mut self, ctx: RecoverContext, restored: Vec<FilePart>) -> Result<(), SinkError> {
        self.show_all(&restored, |part, error| {
            tracing::warn!(sink = %ctx.sink, "{}: taken for committed and moved away since", self.lost(part, error));
            Ok(())
        })?;
        // All that was to be committed has its visible name by now.
        self.remove_hidden(&Owner::new(&ctx.run, &ctx.sink))
    }

    fn abort(&mut self, parts: Vec<FilePart>) -> Result<(), SinkError> {
        parts.iter().try_for_each(|part| remove(&part.hidden_path(&self.directory)))
    }
}
