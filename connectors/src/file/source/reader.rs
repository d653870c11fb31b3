//! Reads the splits it was given, one after another.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream::connector::{Read, ReadBuffer, Reader, SourceError, Split};

use super::rows::Rows;
use super::split::FileSplit;
use super::{RowDecoder, Settings};

/// Reads files.
pub struct FileReader<D> {
    settings: Arc<Settings>,
    decoder: D,
    /// The split being read; opened by the first read.
    open: Option<Rows<D>>,
    waiting: VecDeque<FileSplit>,
}

impl<D: RowDecoder> FileReader<D> {
    pub(super) fn new(settings: Arc<Settings>, decoder: D) -> Self {
        Self { settings, decoder, open: None, waiting: VecDeque::new() }
    }
}

impl<D: RowDecoder> Reader for FileReader<D> {
    type Out = D::Out;
    type Split = FileSplit;

    fn add(&mut self, split: FileSplit) -> Result<(), SourceError> {
        self.waiting.push_back(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<D::Out>) -> Result<Read, SourceError> {
        let rows = match &mut self.open {
            Some(rows) => rows,
            None => {
                let Some(split) = self.waiting.pop_front() else { return Ok(Read::NoSplits) };
                let rows = Rows::open(split, Arc::clone(&self.settings), self.decoder.clone())?;
                self.open.insert(rows)
            }
        };
        let ended = rows.read(out)?;
        let id = rows.split().shared_id();
        if ended {
            self.open = None;
            return Ok(Read::EndOf(id));
        }
        Ok(Read::From(id))
    }

    fn position(&self, split: &str) -> Option<FileSplit> {
        match &self.open {
            Some(rows) if rows.split().id() == split => Some(rows.position()),
            _ => self.waiting.iter().find(|waiting| waiting.id() == split).cloned(),
        }
    }
}
