//! What is wrong with a message.

use std::fmt;
use std::io;

/// What is wrong with a message or a row.
///
/// ```
/// use millstream_connectors::format::Fault;
/// let fault = Fault::new("field `size`: -1 is negative").at(17);
/// assert_eq!(fault.to_string(), "field `size`: -1 is negative (at byte 17)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The byte that shows it, from 0, if it is known.
    pub at: Option<usize>,
    /// What is wrong, with the field if it is known.
    pub reason: String,
}

impl Fault {
    /// A fault of which no byte is known.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { at: None, reason: reason.into() }
    }

    /// The same, shown by a byte.
    #[must_use]
    pub fn at(self, byte: usize) -> Self {
        Self { at: Some(byte), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        self.at.map_or(Ok(()), |at| write!(f, " (at byte {at})"))
    }
}

/// A message of which no record can be made.
#[derive(Debug, thiserror::Error)]
pub enum DeserializeError {
    /// It is not what the format says; another one may be. [`Malformed`](super::Malformed) says what becomes of it.
    #[error("{0}")]
    Malformed(Fault),
    /// What is needed to read it cannot be had, such as a schema. Nothing is known of the message, so it may not be left
    /// out.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, with the address.
        what: String,
        /// What the system says.
        error: io::Error,
    },
}

impl From<Fault> for DeserializeError {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}
