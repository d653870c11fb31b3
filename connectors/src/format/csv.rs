//! Rows of separated fields.
//!
//! As in RFC 4180: a field that begins with a quote goes on to the closing quote, over delimiters and newlines; two
//! quotes stand for one. Elsewhere a quote is an ordinary character.

use std::marker::PhantomData;
use std::sync::Arc;

use csv::StringRecord;
use memchr::memchr;
use millstream::{Data, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DeserializationSchema, DeserializeError, Fault, SerializationSchema, Text};

/// Makes a record of a row of separated fields, and the reverse; without a line end.
///
/// Fields are told apart by place, unless [`Csv::columns`] names them. An empty row has no record.
///
/// ```
/// use millstream_connectors::format::{Csv, DeserializationSchema};
///
/// let mut rows = Csv::<(String, u64)>::new().delimiter(b';');
/// assert_eq!(rows.deserialize(br#""a;b";3"#)?, Some(("a;b".to_owned(), 3)));
/// # Ok::<(), millstream_connectors::format::DeserializeError>(())
/// ```
#[derive(Debug)]
pub struct Csv<T> {
    delimiter: u8,
    header: Option<Arc<StringRecord>>,
    /// The fields of the row at hand.
    fields: StringRecord,
    /// A field without its quotes.
    unquoted: String,
    /// What to say beside that a quote is open.
    open_quote_hint: &'static str,
    rows: PhantomData<fn() -> T>,
}

impl<T> Csv<T> {
    /// Fields that are separated by commas.
    pub fn new() -> Self {
        Self {
            delimiter: b',',
            header: None,
            fields: StringRecord::new(),
            unquoted: String::new(),
            open_quote_hint: "",
            rows: PhantomData,
        }
    }

    /// What separates fields; unless this is called, a comma.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.set_delimiter(delimiter);
        self
    }

    /// The names of the fields, in order, by which they find their places in a struct.
    ///
    /// ```
    /// use millstream_connectors::format::{Csv, DeserializationSchema};
    /// #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    /// struct Count { word: String, count: u64 }
    ///
    /// let count = Csv::new().columns(["count", "word"]).deserialize(b"3,a")?;
    /// assert_eq!(count, Some(Count { word: "a".to_owned(), count: 3 }));
    /// # Ok::<(), millstream_connectors::format::DeserializeError>(())
    /// ```
    #[must_use]
    pub fn columns<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.header = Some(Arc::new(names.into_iter().collect()));
        self
    }

    pub(crate) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub(crate) fn set_open_quote_hint(&mut self, hint: &'static str) {
        self.open_quote_hint = hint;
    }

    /// Takes the names of the fields from a row.
    pub(crate) fn take_header(&mut self, row: &[u8]) -> Result<(), Fault> {
        self.split(row)?;
        self.header = Some(Arc::new(self.fields.clone()));
        Ok(())
    }

    pub(crate) fn field_delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(crate) fn split(&mut self, row: &[u8]) -> Result<(), Fault> {
        if !self.delimiter.is_ascii() {
            let reason = format!("the delimiter, byte {}, is not an ASCII character", self.delimiter);
            return Err(Fault::new(reason));
        }
        let row = Text::of(row)?;
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
            return Err(Fault::new(format!("the quote that opens here is not closed{}", self.open_quote_hint)).at(open));
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

impl<T: DeserializeOwned> Csv<T> {
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
                reason = format!("{reason} (the header has {})", header.iter().collect::<Vec<_>>().join(", "));
            }
            return Fault::new(reason);
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

    /// The record of a row.
    #[inline]
    pub(crate) fn row(&mut self, row: &[u8]) -> Result<Option<T>, Fault> {
        if row.is_empty() {
            return Ok(None);
        }
        self.split(row)?;
        if let Some(header) = &self.header
            && header.len() != self.fields.len()
        {
            let (found, expected) = (self.fields.len(), header.len());
            return Err(Fault::new(format!("{found} fields, where the header has {expected}")));
        }
        match Self::deserialize(&self.fields, self.header.as_deref()) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.fault(row, &error)),
        }
    }
}

impl<T> Default for Csv<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Csv<T> {
    fn clone(&self) -> Self {
        let Self { delimiter, open_quote_hint, ref header, .. } = *self;
        Self { delimiter, open_quote_hint, header: header.clone(), ..Self::new() }
    }
}

impl<T: Data> DeserializationSchema for Csv<T> {
    type Out = T;

    fn deserialize(&mut self, message: &[u8]) -> Result<Option<T>, DeserializeError> {
        Ok(self.row(message)?)
    }
}

impl<T: Serialize + 'static> SerializationSchema<T> for Csv<T> {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        write_row(value, self.delimiter, false, out)?;
        // The line end, which no message has.
        out.pop();
        Ok(())
    }
}

/// Appends a row with its line end, below a row of names if these are asked for and there are any.
pub(crate) fn write_row<T: Serialize>(value: &T, delimiter: u8, has_headers: bool, out: &mut Vec<u8>) -> Result<()> {
    // A small buffer: a writer is made for each row, so that rows can go to different places.
    let mut writer =
        csv::WriterBuilder::new().has_headers(has_headers).delimiter(delimiter).buffer_capacity(128).from_writer(out);
    writer.serialize(value)?;
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
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
        Csv::new().columns(["name", "even", "size"])
    }

    #[track_caller]
    fn check_fault(row: &str, at: Option<usize>, reason: &str) {
        let fault = decoder().row(row.as_bytes()).unwrap_err();
        assert_eq!((fault.at, fault.reason.as_str()), (at, reason));
    }

    #[test]
    fn fields_are_found_by_name() {
        let row = decoder().row(br#""a, ""b""",2,3"#).unwrap();
        assert_eq!(row, Some(Row { name: r#"a, "b""#.to_owned(), even: 2, size: 3 }));
    }

    #[test]
    fn faults_say_where_and_what() {
        check_fault("a,2,x", Some(4), "field `size`: invalid digit found in string");
        check_fault("\"a,b\",3,3", Some(6), "field `even`: 3 is odd");
        assert_eq!(decoder().row(b"\xc3\xa4\xff,2,3").unwrap_err().at, Some(2));
        check_fault("a,2", None, "2 fields, where the header has 3");
        check_fault("a,2,\"3", Some(4), "the quote that opens here is not closed");
    }

    #[test]
    fn a_missing_column_is_told_with_those_that_there_are() {
        let mut decoder = Csv::<Row>::new();
        decoder.take_header(b"name,even").unwrap();
        let fault = decoder.row(b"a,2").unwrap_err();
        assert_eq!(fault.reason, "missing field `size` (the header has name, even)");
    }

    #[test]
    fn a_message_has_no_line_end() {
        let mut message = b"before ".to_vec();
        Csv::new().serialize(&("a,b", 1), &mut message).unwrap();
        assert_eq!(message, b"before \"a,b\",1");
    }
}
