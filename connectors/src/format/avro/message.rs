//! Messages by a schema that both sides know.

use std::fmt;
use std::marker::PhantomData;

use apache_avro::Schema;
use apache_avro::writer::datum::GenericDatumWriter;
use millstream::{Data, Result};
use serde::Serialize;

use super::datum::{Decoder, Wrong};
use super::schema::interned;
use crate::format::{DeserializationSchema, DeserializeError, Fault, SerializationSchema};

/// Makes a record of a message that is one in Avro's binary encoding, and the reverse. Nothing in a message names its
/// schema: so all of them have been written by the one that is given.
///
/// ```
/// use millstream_connectors::format::{Avro, DeserializationSchema, SerializationSchema};
///
/// let mut format = Avro::<Vec<i64>>::new(r#"{"type": "array", "items": "long"}"#)?;
/// let mut message = Vec::new();
/// format.serialize(&vec![1, 2, 3], &mut message)?;
/// assert_eq!(format.deserialize(&message)?, Some(vec![1, 2, 3]));
/// # anyhow::Ok(())
/// ```
pub struct Avro<T> {
    schema: &'static Schema,
    /// Made for the first message.
    decoder: Option<Decoder>,
    encoder: Option<GenericDatumWriter<'static>>,
    records: PhantomData<fn() -> T>,
}

impl<T> Avro<T> {
    /// Messages by a schema, given as its JSON text.
    pub fn new(schema: &str) -> Result<Self> {
        Ok(Self { schema: interned(schema)?, decoder: None, encoder: None, records: PhantomData })
    }
}

impl<T> Clone for Avro<T> {
    fn clone(&self) -> Self {
        Self { schema: self.schema, decoder: None, encoder: None, records: PhantomData }
    }
}

impl<T> fmt::Debug for Avro<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Avro").field("schema", self.schema).finish_non_exhaustive()
    }
}

impl<T: Data> DeserializationSchema for Avro<T> {
    type Out = T;

    fn deserialize(&mut self, message: &[u8]) -> Result<Option<T>, DeserializeError> {
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(decoder(self.schema)?),
        };
        Ok(Some(whole(decoder, message)?))
    }
}

impl<T: Serialize + 'static> SerializationSchema<T> for Avro<T> {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(GenericDatumWriter::builder(self.schema).build()?),
        };
        encoder.write_ser(out, value)?;
        Ok(())
    }
}

/// What decodes what was written by a schema.
pub(super) fn decoder(writer: &'static Schema) -> Result<Decoder, Fault> {
    Decoder::new(writer, None).map_err(|error| Fault::new(format!("{error:#}")))
}

/// The record that is all of a message.
pub(super) fn whole<T: Data>(decoder: &mut Decoder, message: &[u8]) -> Result<T, Fault> {
    let mut rest = message;
    let record = decoder.decode(&mut rest).map_err(|wrong| match wrong {
        Wrong::Record(rejected) => rejected.fault,
        Wrong::Bytes(fault) => fault,
    })?;
    if rest.is_empty() {
        return Ok(record);
    }
    let reason = format!("{} bytes are left behind the record: was it written by another schema?", rest.len());
    Err(Fault::new(reason).at(message.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Payment {
        account: String,
        cents: i64,
        #[serde(default)]
        note: Option<String>,
    }

    const SCHEMA: &str = r#"{"type": "record", "name": "Payment", "fields": [
        {"name": "account", "type": "string"},
        {"name": "cents", "type": "int"},
        {"name": "obsolete", "type": {"type": "array", "items": "string"}, "default": []}]}"#;

    #[derive(Serialize)]
    struct Old {
        account: &'static str,
        cents: i32,
        obsolete: Vec<&'static str>,
    }

    fn message() -> Vec<u8> {
        let mut message = Vec::new();
        let old = Old { account: "a", cents: 5, obsolete: vec!["x", "y"] };
        Avro::new(SCHEMA).unwrap().serialize(&old, &mut message).unwrap();
        message
    }

    #[test]
    fn fields_are_found_by_name_in_what_an_older_schema_has_written() {
        let payment = Avro::<Payment>::new(SCHEMA).unwrap().deserialize(&message()).unwrap();
        assert_eq!(payment, Some(Payment { account: "a".to_owned(), cents: 5, note: None }));
    }

    #[test]
    fn a_message_that_is_cut_short_or_too_long_is_malformed() {
        let mut format = Avro::<Payment>::new(SCHEMA).unwrap();
        let message = message();
        for len in 0..message.len() {
            assert!(format.deserialize(&message[..len]).is_err(), "{len} bytes");
        }
        let fault = format.deserialize(&[message, vec![0]].concat()).unwrap_err().to_string();
        assert!(fault.starts_with("1 bytes are left behind the record"), "{fault}");
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Narrow {
        cents: u8,
        account: bool,
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        let fault = Avro::<Narrow>::new(SCHEMA).unwrap().deserialize(&message()).unwrap_err().to_string();
        assert!(fault.starts_with("field `account`: invalid type: string \"a\", expected a boolean"), "{fault}");
    }

    #[test]
    fn a_record_that_is_none_by_the_schema_is_refused() {
        #[derive(Serialize)]
        struct Wrong {
            account: u64,
        }
        assert!(Avro::new(SCHEMA).unwrap().serialize(&Wrong { account: 1 }, &mut Vec::new()).is_err());
    }
}
