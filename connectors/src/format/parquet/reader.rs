//! Reads the row groups of a range of a Parquet file.
//!
//! A row group belongs to the range that has its first byte.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::RecordBatch;
use millstream::Data;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use serde::Deserialize;
use serde_arrow::Deserializer;

use super::schema::first_line;
use crate::format::fields::field_names;
use crate::format::{Block, BlockPosition, BlockRange, BlockReader, Fault, Rejected};

/// How many rows are turned into records at once.
const BATCH_ROWS: usize = 1024;

/// The row groups of a range.
pub(super) struct RowGroups<T> {
    file: Arc<File>,
    metadata: ArrowReaderMetadata,
    /// What has not been opened.
    waiting: VecDeque<RowGroup>,
    open: Option<(RowGroup, ParquetRecordBatchReader)>,
    records: PhantomData<fn() -> T>,
}

/// A row group, with how far it has been read.
#[derive(Debug, Clone, Copy)]
struct RowGroup {
    index: usize,
    /// Its first byte.
    offset: u64,
    /// The number of its first row in the file, from 1.
    first_row: u64,
    /// How many of its rows have been read.
    read: u64,
    bytes_per_row: u64,
}

impl<T: Data> RowGroups<T> {
    pub(super) fn open(file: Arc<File>, range: BlockRange) -> io::Result<Self> {
        let metadata = ArrowReaderMetadata::load(&*file, ArrowReaderOptions::new()).map_err(failed)?;
        let mut groups = row_groups(&metadata);
        groups.retain(|group| (range.start..range.end).contains(&group.offset));
        if let Some(BlockPosition { offset, records }) = range.at {
            groups.retain(|group| group.offset >= offset);
            match groups.front_mut() {
                Some(first) if first.offset == offset => first.read = records,
                _ => {
                    return Err(io::Error::other(format!(
                        "no row group begins at byte {offset}, where reading was to go on: the file has changed"
                    )));
                }
            }
        }
        Ok(Self { file, metadata, waiting: groups, open: None, records: PhantomData })
    }

    fn next_batch(&mut self) -> io::Result<Option<(RowGroup, RecordBatch)>> {
        loop {
            let (group, batches) = match &mut self.open {
                Some(open) => open,
                None => {
                    let Some(group) = self.waiting.pop_front() else { return Ok(None) };
                    let batches = self.open_group(&group).map_err(failed)?;
                    self.open.insert((group, batches))
                }
            };
            if let Some(batch) = batches.next() {
                let batch = batch.map_err(io::Error::other)?;
                let at = *group;
                group.read += batch.num_rows() as u64;
                return Ok(Some((at, batch)));
            }
            self.open = None;
        }
    }

    fn open_group(&self, group: &RowGroup) -> Result<ParquetRecordBatchReader, ParquetError> {
        let file = self.file.try_clone()?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group.index])
            .with_projection(self.columns())
            .with_offset(group.read as usize)
            .with_batch_size(BATCH_ROWS)
            .build()
    }

    /// The columns that the type has, as far as it says which.
    fn columns(&self) -> ProjectionMask {
        let Some(names) = field_names::<T>() else { return ProjectionMask::all() };
        let roots = self.metadata.parquet_schema().root_schema().get_fields().iter().enumerate();
        let wanted: Vec<usize> =
            roots.filter(|(_, column)| names.contains(&column.name())).map(|(index, _)| index).collect();
        // Without any column there would be no rows.
        if wanted.is_empty() {
            return ProjectionMask::all();
        }
        ProjectionMask::roots(self.metadata.parquet_schema(), wanted)
    }

    fn decode(&self, batch: &RecordBatch) -> io::Result<Vec<Result<T, Rejected>>> {
        let rows = Deserializer::from_record_batch(batch).map_err(io::Error::other)?;
        let decode = |row| T::deserialize(row).map_err(|error| first_line(&error));
        Ok(rows
            .iter()
            .enumerate()
            .map(|(index, row)| decode(row).map_err(|reason| self.rejected(&rows, index, reason)))
            .collect())
    }

    /// A row that does not fit: read again, with its path noted, which would cost time if it always was.
    #[cold]
    fn rejected(&self, rows: &Deserializer<'_>, index: usize, reason: String) -> Rejected {
        let path = match rows.get(index).map(serde_path_to_error::deserialize::<_, T>) {
            Some(Err(error)) if error.path().iter().next().is_some() => Some(error.path().to_string()),
            _ => None,
        };
        let columns = || {
            let schema = self.metadata.schema();
            schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
        };
        let reason = match path {
            Some(path) => format!("field `{path}`: {reason}"),
            None if reason.contains("missing field") => format!("{reason} (the file has {})", columns()),
            None => reason,
        };
        let value = rows.get(index).and_then(|row| serde_json::Value::deserialize(row).ok());
        Rejected { fault: Fault::new(reason), text: value.map_or_else(String::new, |value| value.to_string()) }
    }
}

impl<T: Data> BlockReader<T> for RowGroups<T> {
    fn next_block(&mut self) -> io::Result<Option<Block<T>>> {
        let Some((group, batch)) = self.next_batch()? else { return Ok(None) };
        let records = self.decode(&batch)?;
        Ok(Some(Block {
            position: BlockPosition { offset: group.offset, records: group.read },
            row: Some(group.first_row + group.read),
            bytes: records.len() * group.bytes_per_row as usize,
            records,
        }))
    }
}

fn row_groups(metadata: &ArrowReaderMetadata) -> VecDeque<RowGroup> {
    let mut first_row = 1;
    let groups = metadata.metadata().row_groups().iter().enumerate();
    groups
        .map(|(index, group)| {
            let rows = group.num_rows().max(0) as u64;
            let offset = group.columns().iter().map(|column| column.byte_range().0).min().unwrap_or(0);
            let bytes_per_row = (group.total_byte_size().max(0) as u64).checked_div(rows).unwrap_or(0);
            let group = RowGroup { index, offset, first_row, read: 0, bytes_per_row };
            first_row += rows;
            group
        })
        .collect()
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
