//! Writes container files.

use apache_avro::{Codec, Schema};
use millstream::Result;
use serde::Serialize;

use crate::format::BulkWriter;

/// Writes one file.
pub(super) struct Writer {
    /// Hands on whole blocks, which are taken out after each record.
    file: apache_avro::Writer<'static, Vec<u8>>,
}

impl Writer {
    pub(super) fn new(schema: &'static Schema, codec: Codec, block_bytes: usize) -> Result<Self> {
        let file = apache_avro::Writer::builder()
            .schema(schema)
            .writer(Vec::new())
            .codec(codec)
            .block_size(block_bytes)
            .build()?;
        Ok(Self { file })
    }
}

impl<T: Serialize> BulkWriter<T> for Writer {
    fn add(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        self.file.append_ser(value)?;
        out.append(self.file.get_mut());
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.file.into_inner()?);
        Ok(())
    }
}
