//! Parquet: files of columns, in row groups.
//!
//! serde and Arrow are bridged by serde_arrow: columns are the fields of the records' type, by name.

mod reader;
mod schema;
mod writer;

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use millstream::{Data, Result};

use super::{BlockFormat, BlockRange, BlockReader, BulkFormat, BulkWriter};
use schema::Columns;

/// Parquet files of records of a type.
///
/// * Read, a column is found by its name; columns that the type does not have are not read. A record that does not fit
///   is malformed, and named by file and row. Files are shared by row groups.
/// * Written, the columns are the type's fields, unless [`Parquet::column`] says otherwise. A row group is held in memory
///   until it is complete.
///
/// ```
/// use millstream_connectors::file::{FileSink, FileSource};
/// use millstream_connectors::format::{Parquet, ParquetCompression};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Flight { origin: String, delay_min: Option<i32> }
///
/// let flights = FileSource::parquet::<Flight>("flights/");
/// let format = Parquet::<Flight>::new().compression(ParquetCompression::Zstd);
/// let sink = FileSink::with_format("out", format);
/// # let _ = (flights, sink);
/// ```
#[derive(Debug)]
pub struct Parquet<T> {
    columns: Columns,
    compression: ParquetCompression,
    row_group_bytes: usize,
    row_group_rows: usize,
    records: PhantomData<fn() -> T>,
}

/// How the columns of a Parquet file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Quickly.
    #[default]
    Snappy,
    /// Well.
    Zstd,
}

impl<T> Parquet<T> {
    /// How large row groups become, unless the format says otherwise.
    pub const DEFAULT_ROW_GROUP_BYTES: usize = 64 << 20;

    /// How many rows a row group has at most, unless the format says otherwise.
    pub const DEFAULT_ROW_GROUP_ROWS: usize = 1 << 20;

    /// The format with its defaults.
    pub fn new() -> Self {
        Self {
            columns: Columns::default(),
            compression: ParquetCompression::default(),
            row_group_bytes: Self::DEFAULT_ROW_GROUP_BYTES,
            row_group_rows: Self::DEFAULT_ROW_GROUP_ROWS,
            records: PhantomData,
        }
    }

    /// Writes a column as another type than the field's own, named as in Arrow. A field within another has the path
    /// `outer.inner`.
    ///
    /// ```
    /// # use millstream_connectors::format::Parquet;
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Reading { at: i64, value: f64 }
    ///
    /// let readings = Parquet::<Reading>::new().column("at", "Timestamp(Millisecond, Some(\"UTC\"))");
    /// # let _ = readings;
    /// ```
    #[must_use]
    pub fn column(mut self, path: impl Into<String>, data_type: impl Into<String>) -> Self {
        self.columns.set(path.into(), data_type.into());
        self
    }

    /// How columns are compressed; unless this is called, by Snappy.
    #[must_use]
    pub fn compression(mut self, compression: ParquetCompression) -> Self {
        self.compression = compression;
        self
    }

    /// About how many bytes a row group is to have. A larger one is read faster, and needs more memory to be written.
    #[must_use]
    pub fn row_group_bytes(mut self, bytes: usize) -> Self {
        self.row_group_bytes = bytes;
        self
    }

    /// How many rows a row group has at most.
    #[must_use]
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.row_group_rows = rows.max(1);
        self
    }
}

impl<T> Default for Parquet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Parquet<T> {
    fn clone(&self) -> Self {
        Self { columns: self.columns.clone(), ..*self }
    }
}

impl<T: Data> BlockFormat for Parquet<T> {
    type Out = T;
    const ROWS_ARE_NUMBERED: bool = true;

    fn open(&self, file: File, range: BlockRange) -> io::Result<Box<dyn BlockReader<T>>> {
        Ok(Box::new(reader::RowGroups::open(Arc::new(file), range)?))
    }
}

impl<T: Data> BulkFormat<T> for Parquet<T> {
    fn writer(&self) -> Result<Box<dyn BulkWriter<T>>> {
        let fields = self.columns.fields::<T>()?;
        let Self { compression, row_group_bytes, row_group_rows, .. } = *self;
        Ok(Box::new(writer::Writer::new(&fields, compression, row_group_bytes, row_group_rows)?))
    }

    fn suffix(&self) -> &'static str {
        ".parquet"
    }

    fn is_compressible(&self) -> bool {
        false
    }
}
