//! The records of one split of a file that consists of blocks.

use std::fs::File;
use std::sync::Arc;
use std::vec;

use millstream::Data;
use millstream::connector::{ReadBuffer, SourceError};
use millstream::time::Timestamp;

use super::rows::cannot_read;
use super::settings::Settings;
use super::split::{Counted, FileSplit, Resume};
use super::{FileFormat, SplitReader};
use crate::format::{Block, BlockFormat, BlockPosition, BlockRange, BlockReader, Fault, Rejected};

/// Files that consist of blocks, each of which can be read by itself.
#[derive(Debug, Clone)]
pub struct InBlocks<F>(pub(super) F);

impl<F: BlockFormat> FileFormat for InBlocks<F> {
    type Out = F::Out;

    fn is_splittable(&self) -> bool {
        true
    }

    fn counted(&self) -> Counted {
        if F::ROWS_ARE_NUMBERED { Counted::Rows } else { Counted::Blocks }
    }

    fn open(
        &self,
        split: FileSplit,
        settings: &Arc<Settings>,
    ) -> Result<Box<dyn SplitReader<Out = Self::Out>>, SourceError> {
        let at = split.resume().map(|at| BlockPosition { offset: at.offset, records: at.records });
        let range = BlockRange { start: split.start(), end: split.end(), at };
        let opened = File::open(split.path()).and_then(|file| self.0.open(file, range));
        let reader = opened.map_err(|error| cannot_read(split.path(), error))?;
        let block = Block { position: at.unwrap_or_default(), row: None, records: Vec::new(), bytes: 0 };
        Ok(Box::new(BlockRows {
            is_begun: at.is_some(),
            settings: Arc::clone(settings),
            at: At::new(block),
            split,
            reader,
        }))
    }
}

/// An open split.
struct BlockRows<T> {
    split: FileSplit,
    settings: Arc<Settings>,
    reader: Box<dyn BlockReader<T>>,
    at: At<T>,
    /// Whether `at` is a place in the file: not before the first block has been read.
    is_begun: bool,
}

/// The block at hand.
struct At<T> {
    /// The place of the next record.
    position: BlockPosition,
    /// Its number in the file, if it is known.
    row: Option<u64>,
    records: vec::IntoIter<Result<T, Rejected>>,
    bytes_per_record: usize,
}

impl<T> At<T> {
    fn new(block: Block<T>) -> Self {
        let bytes_per_record = block.bytes.checked_div(block.records.len()).unwrap_or(0);
        Self { position: block.position, row: block.row, records: block.records.into_iter(), bytes_per_record }
    }

    /// Where the next record stands, as its position in the split.
    fn number(&self) -> u64 {
        self.row.unwrap_or(self.position.offset)
    }

    fn next(&mut self) -> Option<Result<T, Rejected>> {
        let record = self.records.next()?;
        self.position.records += 1;
        self.row = self.row.map(|row| row + 1);
        Some(record)
    }
}

impl<T> BlockRows<T> {
    #[cold]
    fn malformed(&self, rejected: Rejected, number: u64, out: &mut ReadBuffer<T>) -> Result<(), SourceError> {
        let path = self.split.path().display();
        let place = |_: &Fault| match self.at.row {
            Some(_) => format!("{path} row {number}"),
            None => format!("{path} record {} of the block at byte {number}", self.at.position.records),
        };
        self.settings.on_malformed.settle(rejected.fault.into(), rejected.text.as_bytes(), place, out)
    }
}

impl<T: Data> SplitReader for BlockRows<T> {
    type Out = T;

    fn split(&self) -> &FileSplit {
        &self.split
    }

    fn position(&self) -> FileSplit {
        if !self.is_begun {
            return self.split.clone();
        }
        let BlockPosition { offset, records } = self.at.position;
        self.split.resumed_at(Resume { offset, line: None, records })
    }

    fn read(&mut self, out: &mut ReadBuffer<T>) -> Result<bool, SourceError> {
        while !out.is_full() {
            let number = self.at.number();
            match self.at.next() {
                Some(Ok(value)) => out.push_from(value, Timestamp::MIN, number, self.at.bytes_per_record),
                Some(Err(rejected)) => self.malformed(rejected, number, out)?,
                None => {
                    let block = self.reader.next_block().map_err(|error| cannot_read(self.split.path(), error))?;
                    let Some(block) = block else { return Ok(true) };
                    self.at = At::new(block);
                    self.is_begun = true;
                }
            }
        }
        Ok(false)
    }
}
