//! Rows of separated fields.
//!
//! As in RFC 4180: a field that begins with a quote goes on to the closing quote, over delimiters and newlines; two
//! quotes stand for one. Elsewhere a quote is an ordinary character. Lines end with LF or CRLF.

use std::marker::PhantomData;
use std::sync::Arc;

use csv::StringRecord;
use memchr::{memchr, memchr_iter, memchr2};
use millstream::Data;

use super::{Fault, Frame, RowDecoder};

/// Makes a record of the fields of each row: by name if there is a header, else by place. Empty rows are left out.
#[derive(Debug)]
pub struct Csv<T> {
    delimiter: u8,
    has_header: bool,
    /// Whether the user promises that no quoted field holds a newline.
    splittable: bool,
    header: Option<Arc<StringRecord>>,
    /// The fields of the row at hand.
    fields: StringRecord,
    /// A field without its quotes.
    unquoted: String,
    rows: PhantomData<fn() -> T>,
}

impl<T> Default for Csv<T> {
    fn default() -> Self {
        Self {
            delimiter: b',',
            has_header: true,
            splittable: false,
            header: None,
            fields: StringRecord::new(),
            unquoted: String::new(),
            rows: PhantomData,
        }
    }
}

impl<T> Clone for Csv<T> {
    fn clone(&self) -> Self {
        let Self { delimiter, has_header, splittable, ref header, .. } = *self;
        Self { delimiter, has_header, splittable, header: header.clone(), ..Self::default() }
    }
}

impl<T> Csv<T> {
    pub(in crate::file::source) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub(in crate::file::source) fn set_has_header(&mut self, has_header: bool) {
        self.has_header = has_header;
    }

    pub(in crate::file::source) fn set_splittable(&mut self) {
        self.splittable = true;
    }

    fn split(&mut self, row: &[u8]) -> Result<(), Fault> {
        if !self.delimiter.is_ascii() {
            let reason = format!("the delimiter, byte {}, is not an ASCII character", self.delimiter);
            return Err(Fault { at: None, reason });
        }
        let row = std::str::from_utf8(row)
            .map_err(|error| Fault { at: Some(error.valid_up_to()), reason: "invalid UTF-8".to_owned() })?;
        self.fields.clear();
        if memchr(b'"', row.as_bytes()).is_none() {
            self.split_plain(row);
            return Ok(());
        }
        let mut at = 0;
        loop {
            at = self.split_field(row, at)?;
            if at == row.len() {
                return Ok(());
            }
            at += 1;
        }
    }

    /// Takes the fields of a row without quotes.
    #[inline]
    fn split_plain(&mut self, row: &str) {
        let mut start = 0;
        // Fields are short: going byte by byte is faster than searching for each delimiter.
        for (at, byte) in row.bytes().enumerate() {
            if byte == self.delimiter {
                self.fields.push_field(&row[start..at]);
                start = at + 1;
            }
        }
        self.fields.push_field(&row[start..]);
    }

    /// Takes the field that begins at `at`, and answers where the delimiter behind it is, or the end of the row.
    fn split_field(&mut self, row: &str, mut at: usize) -> Result<usize, Fault> {
        self.unquoted.clear();
        if row.as_bytes().get(at) == Some(&b'"') {
            let open = at;
            at += 1;
            while let Some(quote) = memchr(b'"', &row.as_bytes()[at..]) {
                self.unquoted.push_str(&row[at..at + quote]);
                at += quote + 1;
                if row.as_bytes().get(at) != Some(&b'"') {
                    return Ok(self.end_field(row, at));
                }
                self.unquoted.push('"');
                at += 1;
            }
            let hint = if self.splittable { " on its line, as `splittable()` promises" } else { "" };
            return Err(Fault { at: Some(open), reason: format!("the quote that opens here is not closed{hint}") });
        }
        Ok(self.end_field(row, at))
    }

    fn end_field(&mut self, row: &str, at: usize) -> usize {
        let end = memchr(self.delimiter, &row.as_bytes()[at..]).map_or(row.len(), |delimiter| at + delimiter);
        self.unquoted.push_str(&row[at..end]);
        self.fields.push_field(&self.unquoted);
        end
    }

    /// Where the field with this index begins in the row.
    fn field_start(&mut self, row: &str, index: usize) -> Option<usize> {
        let mut at = 0;
        for _ in 0..index {
            at = self.split_field(row, at).ok()? + 1;
        }
        (at <= row.len()).then_some(at)
    }
}

impl<T: Data> Csv<T> {
    #[inline]
    fn deserialize(fields: &StringRecord, header: Option<&StringRecord>) -> Result<T, csv::Error> {
        fields.deserialize(header)
    }

    #[cold]
    fn fault(&mut self, row: &[u8], error: &csv::Error) -> Fault {
        let (index, mut reason) = match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => {
                (err.field().map(|field| field as usize), err.kind().to_string())
            }
            _ => (None, error.to_string()),
        };
        let header = self.header.clone();
        if reason.starts_with("missing field") {
            if let Some(header) = &header {
                reason = format!("{reason} (the header has {})", names(header));
            }
            return Fault { at: None, reason };
        }
        let index = index.or_else(|| self.failing_field(&reason));
        if let Some(name) = index.and_then(|index| header.as_ref()?.get(index)) {
            reason = format!("field `{name}`: {reason}");
        }
        let row = std::str::from_utf8(row).unwrap_or_default();
        Fault { at: index.and_then(|index| self.field_start(row, index)), reason }
    }

    /// The field that fails with `reason`, if the error does not tell: the first with which the row fails so.
    fn failing_field(&self, reason: &str) -> Option<usize> {
        (0..self.fields.len()).find(|index| {
            let cut = |record: &StringRecord| record.iter().take(index + 1).collect::<StringRecord>();
            let header = self.header.as_deref().map(cut);
            match Self::deserialize(&cut(&self.fields), header.as_ref()) {
                Err(error) => match error.kind() {
                    csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string() == reason,
                    _ => false,
                },
                Ok(_) => false,
            }
        })
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
        quoted_frame(bytes, self.delimiter)
    }

    fn has_header(&self) -> bool {
        self.has_header
    }

    fn header(&mut self, row: &[u8]) -> Result<bool, Fault> {
        if row.is_empty() {
            return Ok(false);
        }
        self.split(row)?;
        self.header = Some(Arc::new(self.fields.clone()));
        Ok(true)
    }

    #[inline]
    fn decode(&mut self, row: &[u8]) -> Result<Option<T>, Fault> {
        if row.is_empty() {
            return Ok(None);
        }
        self.split(row)?;
        if let Some(header) = &self.header
            && header.len() != self.fields.len()
        {
            let (found, expected) = (self.fields.len(), header.len());
            return Err(Fault { at: None, reason: format!("{found} fields, where the header has {expected}") });
        }
        match Self::deserialize(&self.fields, self.header.as_deref()) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.fault(row, &error)),
        }
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

fn names(header: &StringRecord) -> String {
    header.iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Row {
        name: String,
        size: u64,
        #[serde(deserialize_with = "even")]
        even: u64,
    }

    fn even<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let value = u64::deserialize(from)?;
        if value % 2 == 0 { Ok(value) } else { Err(serde::de::Error::custom(format!("{value} is odd"))) }
    }

    fn decoder() -> Csv<Row> {
        let mut decoder = Csv::default();
        assert!(decoder.header(b"name,even,size").unwrap());
        decoder
    }

    #[track_caller]
    fn check_fault(row: &str, at: Option<usize>, reason: &str) {
        let fault = decoder().decode(row.as_bytes()).unwrap_err();
        assert_eq!((fault.at, fault.reason.as_str()), (at, reason));
    }

    #[test]
    fn fields_are_found_by_name() {
        let row = decoder().decode(br#""a, ""b""",2,3"#).unwrap();
        assert_eq!(row, Some(Row { name: r#"a, "b""#.to_owned(), even: 2, size: 3 }));
    }

    #[test]
    fn faults_say_where_and_what() {
        check_fault("a,2,x", Some(4), "field `size`: invalid digit found in string");
        check_fault("\"a,b\",3,3", Some(6), "field `even`: 3 is odd");
        assert_eq!(decoder().decode(b"\xc3\xa4\xff,2,3").unwrap_err().at, Some(2));
        check_fault("a,2", None, "2 fields, where the header has 3");
        check_fault("a,2,\"3", Some(4), "the quote that opens here is not closed");
    }

    #[test]
    fn a_missing_column_is_told_with_those_that_there_are() {
        let mut decoder = Csv::<Row>::default();
        decoder.header(b"name,even").unwrap();
        let fault = decoder.decode(b"a,2").unwrap_err();
        assert_eq!(fault.reason, "missing field `size` (the header has name, even)");
    }

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
            if decoder.split(crate::file::source::rows::without_line_end(&rest[..len])).is_err() {
                return false;
            }
            rest = &rest[len..];
        }
        true
    }
}
