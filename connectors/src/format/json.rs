//! JSON.

use std::marker::PhantomData;

use millstream::{Data, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DeserializationSchema, DeserializeError, Fault, SerializationSchema};

/// Makes a record of the JSON value that is a message, and the reverse.
///
/// ```
/// use millstream_connectors::format::{DeserializationSchema, Json};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Point { x: i64, y: i64 }
///
/// let fault = Json::<Point>::new().deserialize(br#"{"x": 1, "y": "2"}"#).map(drop).unwrap_err().to_string();
/// assert!(fault.starts_with("field `y`: invalid type: string \"2\", expected i64"), "{fault}");
/// ```
#[derive(Debug)]
pub struct Json<T>(PhantomData<fn() -> T>);

impl<T> Json<T> {
    /// The format; there is nothing to set.
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// The value of a message.
    #[inline]
    pub(crate) fn value(message: &[u8]) -> Result<T, Fault>
    where
        T: DeserializeOwned,
    {
        serde_json::from_slice(message).map_err(|error| fault::<T>(message, &error))
    }
}

impl<T> Default for Json<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T: Data> DeserializationSchema for Json<T> {
    type Out = T;

    #[inline]
    fn deserialize(&mut self, message: &[u8]) -> Result<Option<T>, DeserializeError> {
        Ok(Some(Self::value(message)?))
    }
}

impl<T: Serialize + 'static> SerializationSchema<T> for Json<T> {
    #[inline]
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(out, value)?;
        Ok(())
    }
}

/// What is wrong with a message: read again, with its path noted, which would cost time if it always was.
#[cold]
fn fault<T: DeserializeOwned>(message: &[u8], error: &serde_json::Error) -> Fault {
    let reason = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = reason.strip_suffix(&position).unwrap_or(&reason);
    let mut again = serde_json::Deserializer::from_slice(message);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut again) {
        Err(error) if error.path().iter().next().is_some() => Some(error.path().to_string()),
        _ => None,
    };
    Fault {
        at: byte(message, error),
        reason: path.map_or(reason.to_owned(), |path| format!("field `{path}`: {reason}")),
    }
}

/// The byte that an error names by line and column.
fn byte(message: &[u8], error: &serde_json::Error) -> Option<usize> {
    let line = error.line().checked_sub(1)?;
    let start = match line {
        0 => 0,
        _ => memchr::memchr_iter(b'\n', message).nth(line - 1)? + 1,
    };
    Some(start + error.column().checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fault(message: &str, at: Option<usize>, reason: &str) {
        let fault = Json::<Vec<(u64, bool)>>::value(message.as_bytes()).unwrap_err();
        assert_eq!((fault.at, fault.reason.as_str()), (at, reason));
    }

    #[test]
    fn a_fault_names_the_field_and_the_byte() {
        check_fault("[[1, x]]", Some(5), "field `[0][1]`: expected value");
        check_fault("[\n\n [1, 2]]", Some(8), "field `[0][1]`: invalid type: integer `2`, expected a boolean");
        check_fault("7", Some(0), "invalid type: integer `7`, expected a sequence");
        check_fault("", None, "EOF while parsing a value");
    }
}
