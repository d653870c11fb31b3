//! Formats of whole files, beyond a row after the other: written with what stands before, between and after the
//! records, and read in blocks that can be understood by themselves.

use std::fs::File;
use std::io;

use millstream::{Data, Result};

use super::Fault;

/// Makes files of records, such as Parquet's. A format of rows needs less: see
/// [`RowEncoder`](crate::file::RowEncoder).
pub trait BulkFormat<T>: Send + Sync + 'static {
    /// What writes one file. Called before the file's first record; an error is the job's.
    fn writer(&self) -> Result<Box<dyn BulkWriter<T>>>;

    /// What the names of files end with, unless the sink says otherwise.
    fn suffix(&self) -> &'static str {
        ""
    }

    /// Whether its files are to be compressed as a whole if the sink is asked to: not if the format compresses by itself.
    fn is_compressible(&self) -> bool {
        true
    }
}

/// Writes the records of one file.
///
/// Contract: what `add` and `finish` append, in order, is the file. After an error the file is given up.
pub trait BulkWriter<T> {
    /// Takes a record, and appends what of the file is ready.
    fn add(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()>;

    /// About how many bytes the records will take up that were taken and not yet appended.
    fn pending_bytes(&self) -> usize {
        0
    }

    /// Appends the rest of the file.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()>;
}

/// Makes records of files that consist of blocks.
///
/// Contract: a block belongs to the range that has its first byte, or another one that all readers agree on. So over
/// ranges that lie side by side each block is read once.
pub trait BlockFormat: Clone + Send + Sync + 'static {
    /// What a record becomes.
    type Out: Data;
    /// Whether [`Block::row`] is known.
    const ROWS_ARE_NUMBERED: bool;

    /// Opens a file to read the blocks of a range.
    fn open(&self, file: File, range: BlockRange) -> io::Result<Box<dyn BlockReader<Self::Out>>>;
}

/// Which blocks of a file are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// Where to go on; `None` at the beginning of the range.
    pub at: Option<BlockPosition>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockPosition {
    /// The first byte of the block.
    pub offset: u64,
    /// How many of its records stand before.
    pub records: u64,
}

/// Reads the blocks of a range.
pub trait BlockReader<T> {
    /// The next block, or a part of one if blocks are large; `None` after the last of the range.
    fn next_block(&mut self) -> io::Result<Option<Block<T>>>;
}

/// Records that stand one after the other.
#[derive(Debug)]
pub struct Block<T> {
    /// The place of the first.
    pub position: BlockPosition,
    /// The number of the first in the file, from 1, if it is known.
    pub row: Option<u64>,
    /// What they have become.
    pub records: Vec<Result<T, Rejected>>,
    /// About how many bytes they take up.
    pub bytes: usize,
}

/// A record that is not of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong with it.
    pub fault: Fault,
    /// The record, as far as it can be shown.
    pub text: String,
}
