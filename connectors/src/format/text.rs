//! Text.

use std::fmt::Display;
use std::io::Write;

use millstream::Result;

use super::{DeserializationSchema, DeserializeError, Fault, SerializationSchema};

/// Takes messages for text in UTF-8, and writes what `{}` shows.
///
/// ```
/// use millstream_connectors::format::{DeserializationSchema, Text};
/// assert_eq!(Text.deserialize("日本".as_bytes())?, Some("日本".to_owned()));
/// assert_eq!(Text.deserialize(b"ab\xff").unwrap_err().to_string(), "invalid UTF-8 (at byte 2)");
/// # Ok::<(), millstream_connectors::format::DeserializeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Text;

impl Text {
    /// The text of a message.
    #[inline]
    pub(crate) fn of(message: &[u8]) -> Result<&str, Fault> {
        std::str::from_utf8(message).map_err(|error| Fault::new("invalid UTF-8").at(error.valid_up_to()))
    }
}

impl DeserializationSchema for Text {
    type Out = String;

    #[inline]
    fn deserialize(&mut self, message: &[u8]) -> Result<Option<String>, DeserializeError> {
        Ok(Some(Self::of(message)?.to_owned()))
    }
}

impl<T: Display> SerializationSchema<T> for Text {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        write!(out, "{value}")?;
        Ok(())
    }
}
