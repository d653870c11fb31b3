//! Reads the splits it was given, one after another.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream::connector::{Read, ReadBuffer, Reader, SourceError, Split};

use super::split::FileSplit;
use super::{FileFormat, Settings, SplitReader};

/// Reads files.
pub struct FileReader<F: FileFormat> {
    settings: Arc<Settings>,
    format: F,
    /// The split being read; opened by the first read.
    open: Option<Box<dyn SplitReader<Out = F::Out>>>,
    waiting: VecDeque<FileSplit>,
}

impl<F: FileFormat> FileReader<F> {
    pub(super) fn new(settings: Arc<Settings>, format: F) -> Self {
        Self { settings, format, open: None, waiting: VecDeque::new() }
    }
}

impl<F: FileFormat> Reader for FileReader<F> {
    type Out = F::Out;
    type Split = FileSplit;

    fn add(&mut self, split: FileSplit) -> Result<(), SourceError> {
        self.waiting.push_back(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<F::Out>) -> Result<Read, SourceError> {
        let rows = match &mut self.open {
            Some(rows) => rows,
            None => {
                let Some(split) = self.waiting.pop_front() else { return Ok(Read::NoSplits) };
                let rows = self.format.open(split, &self.settings)?;
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
