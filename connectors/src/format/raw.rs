//! Bytes as they are.

use millstream::Result;

use super::{DeserializationSchema, DeserializeError, SerializationSchema};

/// Leaves messages as they are.
///
/// ```
/// use millstream_connectors::format::{DeserializationSchema, Raw};
/// assert_eq!(Raw.deserialize(b"\xff\x00")?, Some(vec![0xff, 0x00]));
/// # Ok::<(), millstream_connectors::format::DeserializeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl DeserializationSchema for Raw {
    type Out = Vec<u8>;

    fn deserialize(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, DeserializeError> {
        Ok(Some(message.to_owned()))
    }
}

impl<T: AsRef<[u8]>> SerializationSchema<T> for Raw {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(value.as_ref());
        Ok(())
    }
}
