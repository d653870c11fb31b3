//! Rows of separated fields, whose quotes may hold newlines. Lines end with LF or CRLF.

use memchr::{memchr, memchr_iter, memchr2};
use millstream::Data;

use super::{Fault, Frame, RowDecoder};
use crate::format;

/// Makes a record of the fields of each row: by name if there is a header, else by place. Empty rows are left out.
#[derive(Debug)]
pub struct Csv<T> {
    has_header: bool,
    /// Whether the user promises that no quoted field holds a newline.
    splittable: bool,
    fields: format::Csv<T>,
}

impl<T> Default for Csv<T> {
    fn default() -> Self {
        Self { has_header: true, splittable: false, fields: format::Csv::new() }
    }
}

impl<T> Clone for Csv<T> {
    fn clone(&self) -> Self {
        Self { fields: self.fields.clone(), ..*self }
    }
}

impl<T> Csv<T> {
    pub(in crate::file::source) fn set_delimiter(&mut self, delimiter: u8) {
        self.fields.set_delimiter(delimiter);
    }

    pub(in crate::file::source) fn set_has_header(&mut self, has_header: bool) {
        self.has_header = has_header;
    }

    pub(in crate::file::source) fn set_splittable(&mut self) {
        self.splittable = true;
        self.fields.set_open_quote_hint(" on its line, as `splittable()` promises");
    }
}

impl<T: Data> RowDecoder for Csv<T> {
    type Out = T;

    fn is_splittable(&self) -> bool {
        self.splittable
    }

    #[inline]
    fn frame(&self, bytes: &[u8]) -> Option<Frame> {
        if self.splittable {
            return memchr(b'\n', bytes).map(|newline| Frame { len: newline + 1, lines: 1 });
        }
        let first = memchr2(b'\n', b'"', bytes)?;
        if bytes[first] == b'\n' {
            return Some(Frame { len: first + 1, lines: 1 });
        }
        quoted_frame(bytes, self.fields.field_delimiter())
    }

    fn has_header(&self) -> bool {
        self.has_header
    }

    fn header(&mut self, row: &[u8]) -> Result<bool, Fault> {
        if row.is_empty() {
            return Ok(false);
        }
        self.fields.take_header(row)?;
        Ok(true)
    }

    #[inline]
    fn decode(&mut self, row: &[u8]) -> Result<Option<T>, Fault> {
        self.fields.row(row)
    }
}

/// Finds a row in which there are quotes.
fn quoted_frame(bytes: &[u8], delimiter: u8) -> Option<Frame> {
    let mut at = 0;
    let mut lines = 1;
    loop {
        if *bytes.get(at)? == b'"' {
            at += 1;
            loop {
                let quote = memchr(b'"', &bytes[at..])?;
                lines += memchr_iter(b'\n', &bytes[at..at + quote]).count() as u64;
                at += quote + 1;
                if *bytes.get(at)? != b'"' {
                    break;
                }
                at += 1;
            }
        }
        at += memchr2(delimiter, b'\n', &bytes[at..])?;
        if bytes[at] == b'\n' {
            return Some(Frame { len: at + 1, lines });
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Our rows and fields are those that the csv crate finds.
        #[test]
        fn splits_as_the_csv_crate_does(text in "([a,\" ]|\n|\r\n){0,40}") {
            // An open quote at the end is a fault here, and the csv crate's does not mind.
            prop_assume!(quotes_close(&text));
            let expected: Vec<Vec<String>> = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes())
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let mut decoder = Csv::<Vec<String>>::default();
            let mut found = Vec::new();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let len = decoder.frame(rest).map_or(rest.len(), |frame| frame.len);
                let row = crate::file::source::rows::without_line_end(&rest[..len]);
                found.extend(decoder.decode(row).unwrap());
                rest = &rest[len..];
            }
            prop_assert_eq!(found, expected);
        }
    }

    fn quotes_close(text: &str) -> bool {
        let mut decoder = Csv::<Vec<String>>::default();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let len = decoder.frame(rest).map_or(rest.len(), |frame| frame.len);
            if decoder.fields.split(crate::file::source::rows::without_line_end(&rest[..len])).is_err() {
                return false;
            }
            rest = &rest[len..];
        }
        true
    }
}
