//! Writes Parquet files.

use arrow_schema::{FieldRef, Schema};
use millstream::Result;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use serde_arrow::ArrayBuilder;

use super::ParquetCompression;
use super::schema::first_line;
use crate::format::BulkWriter;

/// How many records are turned into columns at once, unless row groups are smaller.
const BATCH_ROWS: usize = 1024;

/// Writes one file.
pub(super) struct Writer {
    /// Records that are not columns yet.
    rows: ArrayBuilder,
    row_count: usize,
    batch_rows: usize,
    /// Holds the row group at hand, and bytes that are to be handed on.
    file: ArrowWriter<Vec<u8>>,
    row_group_bytes: usize,
    /// How many bytes of the row group at hand there are, as of the last batch.
    group_bytes: usize,
}

impl Writer {
    pub(super) fn new(
        fields: &[FieldRef],
        compression: ParquetCompression,
        row_group_bytes: usize,
        row_group_rows: usize,
    ) -> Result<Self> {
        let compression = match compression {
            ParquetCompression::None => Compression::UNCOMPRESSED,
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(row_group_rows))
            .build();
        let schema = Schema::new(fields.to_vec());
        let file = ArrowWriter::try_new(Vec::new(), schema.into(), Some(properties))?;
        let rows = ArrayBuilder::from_arrow(fields)?;
        let batch_rows = BATCH_ROWS.min(row_group_rows);
        Ok(Self { rows, row_count: 0, batch_rows, file, row_group_bytes, group_bytes: 0 })
    }

    fn write_batch(&mut self) -> Result<()> {
        if self.row_count == 0 {
            return Ok(());
        }
        self.row_count = 0;
        let batch = self.rows.to_record_batch()?;
        self.file.write(&batch)?;
        if self.file.in_progress_size() >= self.row_group_bytes {
            self.file.flush()?;
        }
        self.group_bytes = self.file.in_progress_size();
        Ok(())
    }
}

impl<T: Serialize> BulkWriter<T> for Writer {
    fn add(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        self.rows.push(value).map_err(|error| anyhow::anyhow!(first_line(&error)))?;
        self.row_count += 1;
        if self.row_count == self.batch_rows {
            self.write_batch()?;
            out.append(self.file.inner_mut());
        }
        Ok(())
    }

    fn pending_bytes(&self) -> usize {
        self.group_bytes
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.write_batch()?;
        out.append(&mut self.file.into_inner()?);
        Ok(())
    }
}
