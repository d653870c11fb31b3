//! The file sink.

mod bucket;
mod committer;
mod encode;
mod names;
mod owner;
mod part;
mod rolling;
mod rows;
mod writer;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream::Data;
use millstream::connector::{Guarantee, Sink, SinkContext, SinkError};
use millstream::time::Timestamp;
use serde::Serialize;
use walkdir::WalkDir;

pub use committer::FileCommitter;
pub use encode::{CsvRows, JsonRows, LineRows, RowEncoder};
pub use part::FilePart;
pub use rolling::RollingPolicy;
pub use writer::FileWriter;

use super::Compression;
use super::hidden::is_hidden;
use crate::format::BulkFormat;
use bucket::Bucketing;
use rows::Rows;

/// What happens if the sink's directory holds visible files when a job starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// The job fails: the output of two runs would be mixed. A job that is restarted after a failure, or goes on from a snapshot, finds its own.
    #[default]
    Refuse,
    /// They stay as they are, beside the new ones, whose names never clash with theirs.
    Keep,
}

struct Settings<T> {
    directory: PathBuf,
    format: Arc<dyn BulkFormat<T>>,
    bucketing: Bucketing<T>,
    rolling: RollingPolicy,
    prefix: String,
    /// Instead of the format's.
    suffix: Option<String>,
    compression: Option<Compression>,
    existing: Existing,
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            format: Arc::clone(&self.format),
            bucketing: self.bucketing.clone(),
            rolling: self.rolling,
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            compression: self.compression,
            existing: self.existing,
        }
    }
}

impl<T: 'static> Settings<T> {
    /// What names end with, the compression's extension included.
    fn suffix(&self) -> String {
        let own = self.suffix.as_deref().unwrap_or_else(|| self.format.suffix());
        format!("{own}{}", self.compression.map_or("", Compression::suffix))
    }
}

/// Writes records into part files in a directory. Exactly-once: a file becomes visible, whole, when its checkpoint is complete, or
/// when a job without checkpoints has ended well.
///
/// * Files are named `part-<subtask>-<number>-<token>` and a suffix; the token is random, so that names never clash.
///   Until it becomes visible a file's name begins with `.` and ends with `.inprogress`.
/// * What a failed or killed attempt of a job with checkpoints has left is removed when the next one starts; what a
///   killed job without checkpoints has left stays, hidden.
/// * Whoever reads the files may move or remove visible ones at any time, also while the job is down. Hidden ones
///   belong to the job: [`FileCommitter`] says what happens if one is gone.
/// * A directory that holds visible files is refused, unless [`FileSink::existing`] says otherwise.
///
/// Building one does no I/O; the directory is created when the job starts.
///
/// ```
/// use millstream_connectors::file::FileSink;
/// let counts = FileSink::<(String, u64)>::json("out").bucket_by(|(word, _), _| word.chars().take(1).collect());
/// # let _ = counts;
/// ```
pub struct FileSink<T> {
    settings: Settings<T>,
}

impl<T> Clone for FileSink<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone() }
    }
}

impl<T: Data> FileSink<T> {
    /// A JSON value per line.
    pub fn json(directory: impl AsRef<Path>) -> Self
    where
        T: Serialize,
    {
        Self::with_encoder(directory, JsonRows)
    }

    /// A line per record, as `{}` shows it.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSink;
    /// let words = FileSink::<String>::lines("words");
    /// # let _ = words;
    /// ```
    pub fn lines(directory: impl AsRef<Path>) -> Self
    where
        T: Display,
    {
        Self::with_encoder(directory, LineRows)
    }

    /// Comma-separated fields. Each file begins with their names, if the records are structs.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSink;
    /// let pairs = FileSink::<(String, u64)>::csv("pairs");
    /// # let _ = pairs;
    /// ```
    pub fn csv(directory: impl AsRef<Path>) -> Self
    where
        T: Serialize,
    {
        Self::with_encoder(directory, CsvRows)
    }

    /// Parquet files, whose columns are the fields of the records.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSink;
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Count { word: String, count: u64 }
    ///
    /// let counts = FileSink::<Count>::parquet("counts");
    /// # let _ = counts;
    /// ```
    #[cfg(feature = "parquet")]
    pub fn parquet(directory: impl AsRef<Path>) -> Self {
        Self::with_format(directory, crate::format::Parquet::new())
    }

    /// Rows of a format of the user's own.
    pub fn with_encoder(directory: impl AsRef<Path>, encoder: impl RowEncoder<T>) -> Self {
        Self::with_format(directory, Rows::new(encoder))
    }

    /// A format of whole files, of the user's own.
    pub fn with_format(directory: impl AsRef<Path>, format: impl BulkFormat<T>) -> Self {
        let settings = Settings {
            directory: directory.as_ref().to_owned(),
            format: Arc::new(format),
            bucketing: Bucketing::None,
            rolling: RollingPolicy::default(),
            prefix: "part".to_owned(),
            suffix: None,
            compression: None,
            existing: Existing::default(),
        };
        Self { settings }
    }

    /// Divides records among directories below the sink's by a function of value and event time, which gives a relative path.
    #[must_use]
    pub fn bucket_by(mut self, bucket: impl Fn(&T, Option<Timestamp>) -> String + Send + Sync + 'static) -> Self {
        self.settings.bucketing = Bucketing::ByRecord(Arc::new(bucket));
        self
    }

    /// Divides records among directories by their event time, or by processing time if they have none. The pattern is
    /// that of `strftime`, down to seconds, and times are in UTC.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSink;
    /// let hourly = FileSink::<String>::lines("logs").bucket_by_time("%Y-%m-%d/%H");
    /// # let _ = hourly;
    /// ```
    #[must_use]
    pub fn bucket_by_time(mut self, pattern: impl AsRef<str>) -> Self {
        self.settings.bucketing = Bucketing::ByTime(pattern.as_ref().into());
        self
    }

    /// When files are finished and new ones begun.
    ///
    /// ```
    /// # use millstream_connectors::file::{FileSink, RollingPolicy};
    /// let small = FileSink::<u64>::json("out").roll(RollingPolicy { max_bytes: 1 << 20, ..RollingPolicy::default() });
    /// # let _ = small;
    /// ```
    #[must_use]
    pub fn roll(mut self, policy: RollingPolicy) -> Self {
        self.settings.rolling = policy;
        self
    }

    /// What the names of files begin with, instead of `part`.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSink;
    /// let counts = FileSink::<u64>::json("out").part_prefix("count").part_suffix(".ndjson");
    /// # let _ = counts;
    /// ```
    #[must_use]
    pub fn part_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// What the names of files end with, for example `.log`; that of a compression follows.
    #[must_use]
    pub fn part_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.suffix = Some(suffix.into());
        self
    }

    /// Compresses the files; their names get the extension.
    ///
    /// ```
    /// # use millstream_connectors::file::{Compression, FileSink};
    /// let packed = FileSink::<u64>::json("out").compress(Compression::Gzip);
    /// # let _ = packed;
    /// ```
    #[must_use]
    pub fn compress(mut self, compression: Compression) -> Self {
        self.settings.compression = Some(compression);
        self
    }

    /// What happens if the directory holds visible files when the job starts.
    ///
    /// ```
    /// # use millstream_connectors::file::{Existing, FileSink};
    /// let more = FileSink::<u64>::json("out").existing(Existing::Keep);
    /// # let _ = more;
    /// ```
    #[must_use]
    pub fn existing(mut self, existing: Existing) -> Self {
        self.settings.existing = existing;
        self
    }

    /// Finds settings that cannot be.
    fn validate(&self) -> Result<(), SinkError> {
        let Settings { prefix, suffix, compression, format, .. } = &self.settings;
        if compression.is_some() && !format.is_compressible() {
            return Err(SinkError::Invalid(
                "files of this format are compressed inside: choose the compression by the format, not by `compress`"
                    .to_owned(),
            ));
        }
        if prefix.is_empty() || is_hidden(prefix.as_ref()) || prefix.contains('/') {
            return Err(SinkError::Invalid(format!(
                "part prefix `{prefix}`: it must not be empty, begin with `.` or `_` (which would hide the files) or \
                 contain `/`"
            )));
        }
        match suffix {
            Some(suffix) if suffix.contains('/') => {
                Err(SinkError::Invalid(format!("part suffix `{suffix}`: it must not contain `/`")))
            }
            _ => Ok(()),
        }
    }
}

impl<T: Data> Sink for FileSink<T> {
    type In = T;
    type Committable = FilePart;
    type Writer = FileWriter<T>;
    type Committer = FileCommitter;

    fn name(&self) -> String {
        format!("file:{}", self.settings.directory.display())
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, ctx: SinkContext) -> Result<FileWriter<T>, SinkError> {
        self.validate()?;
        let directory = &self.settings.directory;
        part::create_directory(directory)?;
        // What a restarted or restored job finds there is what it has committed before.
        if self.settings.existing == Existing::Refuse && !ctx.restored && ctx.attempt == 0 {
            refuse_existing(directory)?;
        }
        FileWriter::new(Arc::new(self.settings.clone()), &ctx)
    }

    fn committer(&self) -> Result<FileCommitter, SinkError> {
        Ok(FileCommitter::new(self.settings.directory.clone()))
    }
}

/// Fails if there is a visible file. All writers of a run look before any of them commits, so none sees another's.
fn refuse_existing(directory: &Path) -> Result<(), SinkError> {
    let entries = WalkDir::new(directory).min_depth(1).into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name())) {
        let entry = entry.map_err(|error| part::cannot("read", directory, error.into()))?;
        if !entry.file_type().is_dir() {
            return Err(SinkError::Invalid(format!(
                "{} holds files already, such as {}: empty it, name another directory, or keep them beside the new \
                 ones with `.existing(Existing::Keep)`",
                directory.display(),
                entry.path().display(),
            )));
        }
    }
    Ok(())
}
