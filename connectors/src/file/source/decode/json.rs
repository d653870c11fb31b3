//! Rows that are JSON values.

use std::marker::PhantomData;

use millstream::Data;

use super::{Fault, RowDecoder};

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
        serde_json::from_slice(row).map(Some).map_err(|error| fault(&error))
    }
}

fn fault(error: &serde_json::Error) -> Fault {
    let reason = error.to_string();
    // The row is one line to the parser; which one of the file it is, the reader knows.
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = reason.strip_suffix(&position).unwrap_or(&reason).to_owned();
    Fault { at: error.column().checked_sub(1), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_column_and_not_the_line() {
        let fault = JsonLines::<Vec<u64>>::default().decode(b"[1, x]").unwrap_err();
        assert_eq!(fault, Fault { at: Some(4), reason: "expected value".to_owned() });
    }

    #[test]
    fn blank_lines_are_left_out() {
        assert_eq!(JsonLines::<u64>::default().decode(b" \t").unwrap(), None);
        assert_eq!(JsonLines::default().decode(b" 7 ").unwrap(), Some(7));
    }
}
