//! Avro container files.

use std::fs::File;
use std::io;
use std::marker::PhantomData;

use apache_avro::{Codec, Schema, ZstandardSettings};
use millstream::{Data, Result};

use super::container::Blocks;
use super::schema::interned;
use super::writer::Writer;
use crate::format::{BlockFormat, BlockRange, BlockReader, BulkFormat, BulkWriter};

/// Avro container files, as [`FileSource`](crate::file::FileSource) reads them and
/// [`FileSink`](crate::file::FileSink) writes them.
///
/// Readers share a file by blocks. A record that does not fit its type is malformed, and named by its block and number.
///
/// ```
/// use millstream_connectors::file::{FileSink, FileSource};
/// use millstream_connectors::format::{AvroCompression, AvroFile};
///
/// const SCHEMA: &str = r#"{"type": "map", "values": "long"}"#;
/// type Counts = std::collections::BTreeMap<String, i64>;
///
/// let counts = FileSource::avro::<Counts>("counts/");
/// let sink = FileSink::with_format("out", AvroFile::<Counts>::new(SCHEMA)?.compression(AvroCompression::Zstd));
/// # let _ = (counts, sink);
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct AvroFile<T> {
    /// By which files are written, and to which what is read is resolved.
    schema: Option<&'static Schema>,
    compression: AvroCompression,
    block_bytes: usize,
    records: PhantomData<fn() -> T>,
}

/// How the blocks of an Avro file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AvroCompression {
    /// Not at all.
    None,
    /// As every reader of Avro knows.
    Deflate,
    /// Quickly.
    #[default]
    Snappy,
    /// Well.
    Zstd,
}

impl<T> AvroFile<T> {
    /// How large blocks become, before compression, unless the format says otherwise.
    pub const DEFAULT_BLOCK_BYTES: usize = 64 << 10;

    /// Files that are read by the schemas in them, and cannot be written.
    pub(crate) const fn as_they_are() -> Self {
        Self {
            schema: None,
            compression: AvroCompression::Snappy,
            block_bytes: Self::DEFAULT_BLOCK_BYTES,
            records: PhantomData,
        }
    }

    /// Files that are written by a schema, given as its JSON text; those that are read are resolved to it.
    pub fn new(schema: &str) -> Result<Self> {
        Ok(Self { schema: Some(interned(schema)?), ..Self::as_they_are() })
    }

    /// How blocks are compressed; unless this is called, by Snappy.
    #[must_use]
    pub fn compression(mut self, compression: AvroCompression) -> Self {
        self.compression = compression;
        self
    }

    /// About how many bytes a block is to have before it is compressed.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes.max(1);
        self
    }
}

impl<T> Clone for AvroFile<T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T: Data> BlockFormat for AvroFile<T> {
    type Out = T;
    const ROWS_ARE_NUMBERED: bool = false;

    fn open(&self, file: File, range: BlockRange) -> io::Result<Box<dyn BlockReader<T>>> {
        Ok(Box::new(Blocks::open(file, range, self.schema)?))
    }
}

impl<T: Data> BulkFormat<T> for AvroFile<T> {
    fn writer(&self) -> Result<Box<dyn BulkWriter<T>>> {
        let schema = self.schema.ok_or_else(|| anyhow::anyhow!("Avro files are written by a schema: give one"))?;
        let codec = match self.compression {
            AvroCompression::None => Codec::Null,
            AvroCompression::Deflate => Codec::Deflate(Default::default()),
            AvroCompression::Snappy => Codec::Snappy,
            AvroCompression::Zstd => Codec::Zstandard(ZstandardSettings::default()),
        };
        Ok(Box::new(Writer::new(schema, codec, self.block_bytes)?))
    }

    fn suffix(&self) -> &'static str {
        ".avro"
    }

    fn is_compressible(&self) -> bool {
        false
    }
}
