//! Rows that are JSON values.

use std::marker::PhantomData;

use millstream::Data;

use super::{Fault, RowDecoder};
use crate::format::Json;

/// Makes a record of the JSON value on each line. Blank lines are left out.
#[derive(Debug)]
pub struct JsonLines<T>(PhantomData<fn() -> T>);

impl<T> Default for JsonLines<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for JsonLines<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Data> RowDecoder for JsonLines<T> {
    type Out = T;

    fn decode(&mut self, row: &[u8]) -> Result<Option<T>, Fault> {
        if row.trim_ascii().is_empty() {
            return Ok(None);
        }
        Json::value(row).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_left_out() {
        assert_eq!(JsonLines::<u64>::default().decode(b" \t").unwrap(), None);
        assert_eq!(JsonLines::default().decode(b" 7 ").unwrap(), Some(7));
    }
}
