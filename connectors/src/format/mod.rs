//! Formats: how records become bytes and bytes records, whatever system they come from or go to.
//!
//! * A [`DeserializationSchema`] makes a record of one message: a line of a file, the value of a Kafka record, a row
//!   that a database gives as text. A [`SerializationSchema`] does the reverse. The record is the user's serde type.
//! * A message that is not what the format says has a [`Fault`], with the field and the byte that show it. What becomes
//!   of it says [`Malformed`], the same in every connector.
//! * Files that are more than a row after the other have a [`BulkFormat`], by which they are written, and a
//!   [`BlockFormat`], by which they are read.
//!
//! | format | type | feature |
//! |---|---|---|
//! | bytes as they are | [`Raw`] | |
//! | UTF-8 text | [`Text`] | |
//! | JSON | [`Json`] | |
//! | separated fields | [`Csv`] | |
//! | changes of rows, as Debezium captures them | [`DebeziumJson`] | |
//! | Avro, by a schema that both sides know | `Avro` | `avro` |
//! | Avro, by the schemas of a registry | `ConfluentAvro` | `avro` |
//! | Avro container files | `AvroFile` | `avro` |
//! | Parquet files | `Parquet` | `parquet` |

#[cfg(feature = "avro")]
mod avro;
mod bulk;
mod csv;
mod debezium;
mod fault;
#[cfg(any(feature = "parquet", feature = "postgres"))]
pub(crate) mod fields;
mod json;
mod malformed;
#[cfg(feature = "parquet")]
mod parquet;
mod raw;
mod text;

use millstream::{Data, Result};

#[cfg(feature = "avro")]
pub use avro::{Avro, AvroCompression, AvroFile, ConfluentAvro, SchemaRegistry};
pub use bulk::{Block, BlockFormat, BlockPosition, BlockRange, BlockReader, BulkFormat, BulkWriter, Rejected};
pub use csv::Csv;
pub(crate) use csv::write_row;
pub use debezium::{Change, DebeziumJson};
pub use fault::{DeserializeError, Fault};
pub use json::Json;
pub use malformed::Malformed;
#[cfg(feature = "parquet")]
pub use parquet::{Parquet, ParquetCompression};
pub use raw::Raw;
pub use text::Text;

/// Makes records of messages.
///
/// Each reader has a clone of its own. Contract: what a message becomes depends only on the message, and on settings.
///
/// ```
/// use millstream_connectors::format::{DeserializationSchema, Json};
///
/// let record = Json::<(String, u64)>::new().deserialize(br#"["a", 1]"#)?;
/// assert_eq!(record, Some(("a".to_owned(), 1)));
/// # Ok::<(), millstream_connectors::format::DeserializeError>(())
/// ```
pub trait DeserializationSchema: Clone + Send + Sync + 'static {
    /// What a message becomes.
    type Out: Data;

    /// Makes a record of a message; `None` if there is none in it, as in the tombstone of a deleted row.
    ///
    /// It may wait for what it needs to know, such as a schema, so it belongs on a thread that may.
    fn deserialize(&mut self, message: &[u8]) -> Result<Option<Self::Out>, DeserializeError>;
}

/// Makes messages of records.
///
/// ```
/// use millstream_connectors::format::{Csv, SerializationSchema};
///
/// let mut message = Vec::new();
/// Csv::new().delimiter(b';').serialize(&("a", 1), &mut message)?;
/// assert_eq!(message, b"a;1");
/// # anyhow::Ok(())
/// ```
pub trait SerializationSchema<T>: Clone + Send + Sync + 'static {
    /// Appends the message of a record. After an error, what was appended is dropped.
    ///
    /// It may wait, as [`DeserializationSchema::deserialize`] may.
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()>;
}
