//! Files that hold a row after the other.

use std::sync::Arc;

use millstream::Result;

use super::RowEncoder;
use crate::format::{BulkFormat, BulkWriter};

/// Files of what an encoder makes of each record.
pub(super) struct Rows<E>(Arc<E>);

impl<E> Rows<E> {
    pub(super) fn new(encoder: E) -> Self {
        Self(Arc::new(encoder))
    }
}

impl<T, E: RowEncoder<T>> BulkFormat<T> for Rows<E> {
    fn writer(&self) -> Result<Box<dyn BulkWriter<T>>> {
        Ok(Box::new(RowsWriter { encoder: Arc::clone(&self.0), is_begun: false }))
    }

    fn suffix(&self) -> &'static str {
        self.0.suffix()
    }
}

/// Writes one file.
struct RowsWriter<E> {
    encoder: Arc<E>,
    is_begun: bool,
}

impl<T, E: RowEncoder<T>> BulkWriter<T> for RowsWriter<E> {
    fn add(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        if !self.is_begun {
            self.encoder.begin(value, out)?;
            self.is_begun = true;
        }
        self.encoder.encode(value, out)
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
