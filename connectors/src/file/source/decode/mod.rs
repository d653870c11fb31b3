//! How the rows of a file are found, and what is made of them.

mod csv;
mod json;
mod lines;

use millstream::Data;

pub use csv::Csv;
pub use json::JsonLines;
pub use lines::Lines;

use crate::format::Fault;

/// The first row of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its length with its line end.
    pub len: usize,
    /// How many lines it takes up.
    pub lines: u64,
}

/// Finds the rows of a file and makes records of them.
///
/// Each split of a file is read with a clone of the source's decoder.
///
/// Contract: what [`RowDecoder::frame`] finds depends only on the bytes it is given.
pub trait RowDecoder: Clone + Send + Sync + 'static {
    /// What a row becomes.
    type Out: Data;

    /// Whether a row ends at every newline, so that a file may be cut into splits anywhere.
    fn is_splittable(&self) -> bool {
        true
    }

    /// Finds the row that `bytes` begin with; `None` if they do not hold all of it. Unless overridden, a line.
    #[inline]
    fn frame(&self, bytes: &[u8]) -> Option<Frame> {
        memchr::memchr(b'\n', bytes).map(|newline| Frame { len: newline + 1, lines: 1 })
    }

    /// Whether the first row of a file is its header; then [`RowDecoder::header`] is called for each split.
    fn has_header(&self) -> bool {
        false
    }

    /// Takes the header, without its line end; `false` if this row (an empty one) is not it.
    fn header(&mut self, _row: &[u8]) -> Result<bool, Fault> {
        Ok(true)
    }

    /// Makes a record of a row, given without its line end; `None` if it is one to be left out, such as an empty one.
    fn decode(&mut self, row: &[u8]) -> Result<Option<Self::Out>, Fault>;
}
