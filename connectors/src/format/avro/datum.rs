//! Single records in Avro's binary encoding, without anything around them.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use millstream::{Data, Result};

use crate::format::{Fault, Rejected};

/// Why there is no record.
#[derive(Debug)]
pub(super) enum Wrong {
    /// There is one, but not of the type.
    Record(Rejected),
    /// There is none by the schema, so it has no end either.
    Bytes(Fault),
}

/// Decodes what was written by one schema.
pub(super) struct Decoder {
    writer: GenericDatumReader<'static>,
    /// With resolution to the reader's schema, if there is one.
    resolving: Option<GenericDatumReader<'static>>,
    /// Whether to try first whether the type is exactly the schema's, which is fast. What needs conversion, such as an `int`
    /// for an `i64`, goes through a value.
    is_strict: bool,
}

impl Decoder {
    pub(super) fn new(writer: &'static Schema, reader: Option<&'static Schema>) -> Result<Self> {
        let resolving = reader.map(|reader| GenericDatumReader::builder(writer).reader_schema(reader).build());
        let (writer, resolving) = (GenericDatumReader::builder(writer).build()?, resolving.transpose()?);
        Ok(Self { is_strict: resolving.is_none(), writer, resolving })
    }

    /// Takes a record from the front of `bytes`; also one that is not of the type.
    pub(super) fn decode<T: Data>(&mut self, bytes: &mut &[u8]) -> Result<T, Wrong> {
        let all = *bytes;
        if self.is_strict {
            if let Ok(record) = self.writer.read_deser(bytes) {
                return Ok(record);
            }
            *bytes = all;
        }
        let read = self.resolving.as_ref().unwrap_or(&self.writer).read_value(bytes);
        match read.and_then(|value| apache_avro::from_value(&value)) {
            Ok(record) => {
                // The type is wider than the schema: it will be for the next record, too.
                self.is_strict = false;
                Ok(record)
            }
            Err(error) => {
                let stopped = all.len() - bytes.len();
                *bytes = all;
                Err(self.wrong::<T>(bytes, stopped, &error))
            }
        }
    }

    /// What is wrong with the record that `bytes` begin with: told by the value that it is by the schema.
    #[cold]
    fn wrong<T: Data>(&self, bytes: &mut &[u8], stopped: usize, error: &apache_avro::Error) -> Wrong {
        let Ok(value) = self.writer.read_value(bytes) else {
            return Wrong::Bytes(Fault::new(error.to_string()).at(stopped));
        };
        let json = serde_json::Value::try_from(value).unwrap_or_default();
        let text = json.to_string();
        // Only to find the path: what JSON makes of a value is near enough to what Avro does.
        let reason = match serde_path_to_error::deserialize::<_, T>(json) {
            Err(error) if error.path().iter().next().is_some() => {
                format!("field `{}`: {}", error.path(), error.inner())
            }
            Err(error) => error.inner().to_string(),
            Ok(_) => error.to_string(),
        };
        Wrong::Record(Rejected { fault: Fault::new(reason), text })
    }
}
