//! What the source and its formats agree on.

use std::sync::Arc;

use millstream::Data;
use millstream::connector::{ReadBuffer, SourceError};

use super::RowDecoder;
use super::rows::Rows;
use super::settings::Settings;
use super::split::{Counted, FileSplit};

/// How a [`FileSource`](super::FileSource) reads its files: row by row ([`RowDecoder`]) or block by block
/// ([`InBlocks`](super::InBlocks)). There are no others.
pub trait FileFormat: Clone + Send + Sync + 'static {
    /// What a record becomes.
    type Out: Data;

    /// Whether readers can share a file, each reading a range of its bytes.
    fn is_splittable(&self) -> bool;

    /// What tells where a record stands.
    fn counted(&self) -> Counted;

    /// Opens a split where it is to be read on.
    fn open(
        &self,
        split: FileSplit,
        settings: &Arc<Settings>,
    ) -> Result<Box<dyn SplitReader<Out = Self::Out>>, SourceError>;
}

/// Reads one split.
pub trait SplitReader {
    /// What a record becomes.
    type Out;

    /// The split as it was opened.
    fn split(&self) -> &FileSplit;

    /// The split as it would be resumed now.
    fn position(&self) -> FileSplit;

    /// Reads records until the buffer is full or the split ends; `true` in the latter case.
    fn read(&mut self, out: &mut ReadBuffer<Self::Out>) -> Result<bool, SourceError>;
}

impl<D: RowDecoder> FileFormat for D {
    type Out = D::Out;

    fn is_splittable(&self) -> bool {
        RowDecoder::is_splittable(self)
    }

    fn counted(&self) -> Counted {
        Counted::Lines
    }

    fn open(
        &self,
        split: FileSplit,
        settings: &Arc<Settings>,
    ) -> Result<Box<dyn SplitReader<Out = Self::Out>>, SourceError> {
        Ok(Box::new(Rows::open(split, Arc::clone(settings), self.clone())?))
    }
}
