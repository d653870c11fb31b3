//! Rows as they are.

use super::{Fault, RowDecoder};

/// Makes a string of each line, without its line end. Empty lines are records, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl RowDecoder for Lines {
    type Out = String;

    #[inline]
    fn decode(&mut self, row: &[u8]) -> Result<Option<String>, Fault> {
        match std::str::from_utf8(row) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Fault { at: Some(error.valid_up_to()), reason: "invalid UTF-8".to_owned() }),
        }
    }
}
