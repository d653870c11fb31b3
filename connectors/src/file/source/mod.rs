//! The file source.

mod block_rows;
mod blocks;
mod decode;
mod enumerator;
mod file_format;
mod listing;
mod paths;
mod reader;
mod rows;
mod settings;
mod split;

use std::sync::Arc;
use std::time::Duration;

use millstream::Data;
use millstream::connector::{Boundedness, ReaderContext, Source, SourceError};

pub use block_rows::InBlocks;
pub use decode::{Csv, Frame, JsonLines, Lines, RowDecoder};
pub use enumerator::{FileEnumerator, FileEnumeratorState};
pub use file_format::{FileFormat, SplitReader};
pub use paths::Paths;
pub use reader::FileReader;
pub use split::{Counted, FileSplit};

use crate::format::{BlockFormat, Malformed};
use settings::Settings;

/// Reads the rows of files.
///
/// * A path may be a file, a directory (all files in it and below) or a glob (`logs/*.csv`; a directory that it
///   matches counts with all files below). In directories, names that begin with `.` or `_` are left out; a file
///   that is named itself is always read. A file that several paths name is read once.
/// * Files that end in `.gz` or `.zst` are decompressed.
/// * Lines end with LF or CRLF; the last may lack its end. A byte order mark is left out. Text is UTF-8; what is not is
///   malformed, see [`FileSource::on_malformed`].
/// * Readers share a large file: it is cut into splits of [`FileSource::split_bytes`]. A compressed file is one
///   split, and so is a CSV file, unless [`FileSource::splittable`] says that it can be cut.
/// * Messages about malformed rows give the line. So do those about a failing operator, where records carry
///   the line from the split that begins their file, and elsewhere the byte, from which [`FileSplit`] finds the line.
///
/// Building one does no I/O: a path that does not exist, a glob that matches nothing and a file that cannot be opened
/// are errors when the job starts. An empty directory is an empty input.
///
/// ```
/// use millstream_connectors::file::FileSource;
/// let words = FileSource::lines("words.txt");
/// let logs = FileSource::lines(["logs/", "old/*.log.gz"]);
/// let rows = FileSource::csv::<(String, u64)>("counts.csv").has_header(false).delimiter(b';');
/// # let _ = (words, logs, rows);
/// ```
#[derive(Debug, Clone)]
pub struct FileSource<F = Lines> {
    settings: Settings,
    format: F,
}

impl FileSource<Lines> {
    /// How large splits are, unless the source says otherwise.
    pub const DEFAULT_SPLIT_BYTES: u64 = 16 << 20;
    /// How long a row may be, unless the source says otherwise.
    pub const DEFAULT_MAX_LINE_BYTES: usize = 16 << 20;

    /// Each line as a string, also an empty one.
    pub fn lines(paths: impl Paths) -> Self {
        Self::with_decoder(paths, Lines)
    }

    /// Each row of comma-separated fields; by the names in the first row of each file, unless
    /// [`FileSource::has_header`] says that there is none. Empty rows are left out.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Flight { origin: String, delay_min: i64 }
    ///
    /// let flights = FileSource::csv::<Flight>("flights.csv");
    /// # let _ = flights;
    /// ```
    pub fn csv<T: Data>(paths: impl Paths) -> FileSource<Csv<T>> {
        FileSource::with_decoder(paths, Csv::default())
    }

    /// The JSON value on each line. Blank lines are left out.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let points = FileSource::json_lines::<(f64, f64)>("points.jsonl");
    /// # let _ = points;
    /// ```
    pub fn json_lines<T: Data>(paths: impl Paths) -> FileSource<JsonLines<T>> {
        FileSource::with_decoder(paths, JsonLines::default())
    }
}

#[cfg(feature = "avro")]
impl FileSource {
    /// The records of Avro container files, by the schemas in them. Readers share a file by blocks. To resolve records to
    /// a schema of the reader's, see [`FileSource::in_blocks`].
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Flight { origin: String, delay_min: i64 }
    ///
    /// let flights = FileSource::avro::<Flight>("flights.avro");
    /// # let _ = flights;
    /// ```
    pub fn avro<T: Data>(paths: impl Paths) -> FileSource<InBlocks<crate::format::AvroFile<T>>> {
        FileSource::in_blocks(paths, crate::format::AvroFile::as_they_are())
    }
}

#[cfg(feature = "parquet")]
impl FileSource {
    /// The rows of Parquet files, by the names of their columns; those that the type does not have are not read. Readers
    /// share a file by row groups.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Flight { origin: String, delay_min: i64 }
    ///
    /// let flights = FileSource::parquet::<Flight>("flights.parquet");
    /// # let _ = flights;
    /// ```
    pub fn parquet<T: Data>(paths: impl Paths) -> FileSource<InBlocks<crate::format::Parquet<T>>> {
        FileSource::in_blocks(paths, crate::format::Parquet::new())
    }
}

impl<D: RowDecoder> FileSource<D> {
    /// Rows of a format of the user's own.
    pub fn with_decoder(paths: impl Paths, decoder: D) -> Self {
        Self::with_format(paths, decoder)
    }

    /// Fails if a row is longer than so many bytes, which bounds the memory that a reader takes.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let documents = FileSource::lines("documents.jsonl").max_line_bytes(256 << 20);
    /// # let _ = documents;
    /// ```
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_line_bytes = bytes;
        self
    }
}

impl<F: BlockFormat> FileSource<InBlocks<F>> {
    /// The records of files that consist of blocks, in a format of the user's own. Readers share a file by whole blocks.
    pub fn in_blocks(paths: impl Paths, format: F) -> Self {
        Self::with_format(paths, InBlocks(format))
    }
}

impl<F: FileFormat> FileSource<F> {
    fn with_format(paths: impl Paths, format: F) -> Self {
        let settings = Settings {
            paths: paths.into_paths(),
            split_bytes: FileSource::DEFAULT_SPLIT_BYTES,
            max_line_bytes: FileSource::DEFAULT_MAX_LINE_BYTES,
            on_malformed: Malformed::default(),
            watch: None,
        };
        Self { settings, format }
    }

    /// What is done with a row that cannot be decoded; unless this is called, the job fails.
    ///
    /// ```
    /// # use millstream_connectors::file::{FileSource, Malformed};
    /// let lenient = FileSource::json_lines::<u64>("numbers.jsonl").on_malformed(Malformed::Skip);
    /// # let _ = lenient;
    /// ```
    #[must_use]
    pub fn on_malformed(mut self, policy: Malformed) -> Self {
        self.settings.on_malformed = policy;
        self
    }

    /// Cuts files into splits of about so many bytes, for readers to share.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let fine = FileSource::lines("large.log").split_bytes(1 << 20);
    /// # let _ = fine;
    /// ```
    #[must_use]
    pub fn split_bytes(mut self, bytes: u64) -> Self {
        self.settings.split_bytes = bytes;
        self
    }

    /// Never ends: looks for new files every `interval`. A file is new if its path has not been found before; what is
    /// written to a file after it was read is not seen, so write files elsewhere (or hidden) and rename them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use millstream_connectors::file::FileSource;
    /// let incoming = FileSource::lines("incoming/").watch(Duration::from_secs(1));
    /// # let _ = incoming;
    /// ```
    #[must_use]
    pub fn watch(mut self, interval: Duration) -> Self {
        self.settings.watch = Some(interval);
        self
    }
}

impl<T: Data> FileSource<Csv<T>> {
    /// Whether the first row of each file names the fields; unless this is called, it does.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let pairs = FileSource::csv::<(String, u64)>("pairs.csv").has_header(false);
    /// # let _ = pairs;
    /// ```
    #[must_use]
    pub fn has_header(mut self, has_header: bool) -> Self {
        self.format.set_has_header(has_header);
        self
    }

    /// What separates fields; unless this is called, a comma.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let tabs = FileSource::csv::<(String, u64)>("pairs.tsv").delimiter(b'\t');
    /// # let _ = tabs;
    /// ```
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.set_delimiter(delimiter);
        self
    }

    /// Promises that no quoted field holds a newline, so that readers can share a file. A field that does is malformed.
    ///
    /// ```
    /// # use millstream_connectors::file::FileSource;
    /// let flights = FileSource::csv::<(String, i64)>("flights.csv").splittable();
    /// # let _ = flights;
    /// ```
    #[must_use]
    pub fn splittable(mut self) -> Self {
        self.format.set_splittable();
        self
    }
}

impl<F: FileFormat> Source for FileSource<F> {
    type Out = F::Out;
    type Split = FileSplit;
    type Enumerator = FileEnumerator;
    type Reader = FileReader<F>;

    fn name(&self) -> String {
        match self.settings.paths.as_slice() {
            [] => "file".to_owned(),
            [only] => format!("file:{}", only.display()),
            [first, rest @ ..] => format!("file:{} and {} more", first.display(), rest.len()),
        }
    }

    fn boundedness(&self) -> Boundedness {
        if self.settings.watch.is_some() { Boundedness::Unbounded } else { Boundedness::Bounded }
    }

    fn enumerator(&self, restored: Option<FileEnumeratorState>) -> Result<FileEnumerator, SourceError> {
        if self.settings.paths.is_empty() {
            return Err(SourceError::Invalid("a file source without paths: give it at least one".to_owned()));
        }
        let settings = Arc::new(self.settings.clone());
        Ok(FileEnumerator::new(settings, self.format.is_splittable(), self.format.counted(), restored))
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<FileReader<F>, SourceError> {
        Ok(FileReader::new(Arc::new(self.settings.clone()), self.format.clone()))
    }
}
