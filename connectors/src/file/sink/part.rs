//! A part file: written under a hidden name, made visible by being renamed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use millstream::connector::SinkError;
use millstream::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::owner::Owner;
use crate::file::compression::{Compression, Writer};
use crate::format::{BulkFormat, BulkWriter};

/// How many bytes are gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// A part file that is finished and not yet visible. Paths are relative to the sink's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    bucket: String,
    /// The hidden name.
    in_progress: String,
    /// The name under which it becomes visible.
    name: String,
}

impl FilePart {
    /// A part of a bucket; the hidden name is made from the visible one.
    pub(super) fn new(bucket: &str, name: String, owner: &Owner) -> Self {
        Self { bucket: bucket.to_owned(), in_progress: owner.hidden_name(&name), name }
    }

    /// Where it is while it is hidden.
    pub(super) fn hidden_path(&self, directory: &Path) -> PathBuf {
        self.directory(directory).join(&self.in_progress)
    }

    /// Where it is once it is visible.
    pub(super) fn visible_path(&self, directory: &Path) -> PathBuf {
        self.directory(directory).join(&self.name)
    }

    /// The directory that it is in.
    pub(super) fn directory(&self, directory: &Path) -> PathBuf {
        directory.join(&self.bucket)
    }
}

/// Removes a hidden file unless it has been handed over.
pub(super) struct Unclaimed {
    part: FilePart,
    /// `None` once it has been handed over.
    path: Option<PathBuf>,
}

impl Unclaimed {
    /// Hands the file over: from now on it stays.
    pub(super) fn claim(mut self) -> FilePart {
        self.path = None;
        self.part.clone()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Only tidiness: a hidden file that stays does no harm.
            let _ = fs::remove_file(path);
        }
    }
}

/// A part file being written.
pub(super) struct OpenPart<T> {
    file: Unclaimed,
    path: PathBuf,
    /// Where it will be visible, for messages.
    target: PathBuf,
    writer: Writer,
    /// Makes bytes of records.
    rows: Box<dyn BulkWriter<T>>,
    /// Bytes not yet handed to the writer.
    buffer: Vec<u8>,
    /// How many bytes it holds, not counting `buffer`.
    written_bytes: u64,
    /// When it was begun.
    pub(super) begun: Timestamp,
    /// When the last row was added.
    pub(super) touched: Timestamp,
}

impl<T: 'static> OpenPart<T> {
    /// Creates the file, and its bucket's directory if there is none.
    pub(super) fn create(
        directory: &Path,
        part: FilePart,
        format: &dyn BulkFormat<T>,
        compression: Option<Compression>,
        now: Timestamp,
    ) -> Result<Self, SinkError> {
        let rows = format.writer().map_err(|error| SinkError::Invalid(format!("{error:#}")))?;
        let (path, target) = (part.hidden_path(directory), part.visible_path(directory));
        create_directory(&part.directory(directory))?;
        let file = File::create_new(&path).map_err(|error| cannot("create", &path, error))?;
        let claim = Unclaimed { part, path: Some(path.clone()) };
        let writer = Writer::new(file, compression).map_err(|error| cannot("write", &path, error))?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { file: claim, path, target, writer, rows, buffer, written_bytes: 0, begun: now, touched: now })
    }

    /// How many bytes it holds, before compression of the whole.
    pub(super) fn bytes(&self) -> u64 {
        self.written_bytes + (self.buffer.len() + self.rows.pending_bytes()) as u64
    }

    /// Takes a record, and writes the buffer if it is full.
    #[inline]
    pub(super) fn add(&mut self, value: &T, now: Timestamp) -> Result<(), SinkError> {
        self.touched = now;
        let before = self.buffer.len();
        if let Err(error) = self.rows.add(value, &mut self.buffer) {
            self.buffer.truncate(before);
            return Err(rejected(&self.target, &error));
        }
        if self.buffer.len() >= BUFFER_BYTES { self.write_buffer() } else { Ok(()) }
    }

    /// Writes what is buffered, ends the file and waits until it is on the disk.
    pub(super) fn finish(self) -> Result<Unclaimed, SinkError> {
        let Self { rows, mut buffer, mut writer, path, target, file, .. } = self;
        rows.finish(&mut buffer).map_err(|error| rejected(&target, &error))?;
        let synced = writer.write_all(&buffer).and_then(|()| writer.finish()).and_then(|file| file.sync_all());
        synced.map_err(|error| cannot("write", &path, error))?;
        Ok(file)
    }

    fn write_buffer(&mut self) -> Result<(), SinkError> {
        self.writer.write_all(&self.buffer).map_err(|error| cannot("write", &self.path, error))?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn rejected(target: &Path, error: &anyhow::Error) -> SinkError {
    SinkError::Rejected { target: target.display().to_string(), reason: format!("{error:#}") }
}

/// Creates a directory, with those above it.
pub(super) fn create_directory(directory: &Path) -> Result<(), SinkError> {
    fs::create_dir_all(directory).map_err(|error| cannot("create directory", directory, error))
}

/// Waits until the names in a directory are on the disk.
pub(super) fn sync_directory(directory: &Path) -> Result<(), SinkError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| cannot("write directory", directory, error))
}

/// The error of something that cannot be done to a file.
pub(super) fn cannot(what: &str, path: &Path, error: io::Error) -> SinkError {
    SinkError::Io { what: format!("cannot {what} {}", path.display()), error }
}
