//! How records become bytes.

use std::fmt::Display;
use std::io::Write;

use millstream::Result;
use serde::Serialize;

use crate::format::write_row;

/// Writes records of one kind into files.
///
/// ```
/// use millstream_connectors::file::RowEncoder;
///
/// struct Framed;
///
/// impl RowEncoder<String> for Framed {
///     fn encode(&self, value: &String, out: &mut Vec<u8>) -> millstream::Result<()> {
///         out.extend(u32::try_from(value.len())?.to_le_bytes());
///         out.extend(value.as_bytes());
///         Ok(())
///     }
/// }
/// ```
pub trait RowEncoder<T>: Send + Sync + 'static {
    /// Appends a record, with its line end if it has one. After an error, what was appended is dropped.
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<()>;

    /// Appends what each file begins with, such as a header, given the file's first record.
    fn begin(&self, _first: &T, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    /// What the names of files end with, unless the sink says otherwise.
    fn suffix(&self) -> &'static str {
        ""
    }
}

/// A line per record, as `{}` shows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineRows;

impl<T: Display> RowEncoder<T> for LineRows {
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        writeln!(out, "{value}")?;
        Ok(())
    }

    fn suffix(&self) -> &'static str {
        ".txt"
    }
}

/// A JSON value per line.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonRows;

impl<T: Serialize> RowEncoder<T> for JsonRows {
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(&mut *out, value)?;
        out.push(b'\n');
        Ok(())
    }

    fn suffix(&self) -> &'static str {
        ".jsonl"
    }
}

/// Comma-separated fields, below a header with their names if the records have such.
#[derive(Debug, Clone, Copy, Default)]
pub struct CsvRows;

impl<T: Serialize> RowEncoder<T> for CsvRows {
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        write_row(value, b',', false, out)
    }

    fn begin(&self, first: &T, out: &mut Vec<u8>) -> Result<()> {
        let (mut with_header, mut row) = (Vec::new(), Vec::new());
        write_row(first, b',', true, &mut with_header)?;
        write_row(first, b',', false, &mut row)?;
        out.extend_from_slice(&with_header[..with_header.len() - row.len()]);
        Ok(())
    }

    fn suffix(&self) -> &'static str {
        ".csv"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        size: u64,
    }

    #[test]
    fn csv_has_a_header_if_fields_have_names() {
        let mut out = Vec::new();
        let row = Row { name: "a,b", size: 3 };
        CsvRows.begin(&row, &mut out).unwrap();
        CsvRows.encode(&row, &mut out).unwrap();
        CsvRows.encode(&Row { name: "c", size: 4 }, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "name,size\n\"a,b\",3\nc,4\n");

        let mut out = Vec::new();
        CsvRows.begin(&("a", 1), &mut out).unwrap();
        assert!(out.is_empty());
    }
}
