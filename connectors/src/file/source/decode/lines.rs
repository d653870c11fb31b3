//! Rows as they are.

use super::{Fault, RowDecoder};
use crate::format::Text;

/// Makes a string of each line, without its line end. Empty lines are records, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl RowDecoder for Lines {
    type Out = String;

    #[inline]
    fn decode(&mut self, row: &[u8]) -> Result<Option<String>, Fault> {
        Text::of(row).map(|text| Some(text.to_owned()))
    }
}
