//! Messages that name their schema, as Confluent's serializers write them.
//!
//! ```text
//! 00 | number of the schema, big-endian: 4 bytes | the record
//! ```

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::writer::datum::GenericDatumWriter;
use millstream::{Data, Result};
use serde::Serialize;

use super::SchemaRegistry;
use super::datum::Decoder;
use super::message::{decoder, whole};
use super::schema::interned;
use crate::format::{DeserializationSchema, DeserializeError, Fault, SerializationSchema};

const MAGIC: u8 = 0;
const HEADER_BYTES: usize = 5;

/// Makes a record of a message that begins with the number of its schema in a registry, and the reverse.
///
/// A registry that cannot be reached is an error, whatever is done with malformed messages; a number that it does not
/// know is a fault of the message. An empty message has no record.
///
/// ```
/// use millstream_connectors::format::{ConfluentAvro, SchemaRegistry};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Order { id: i64 }
/// const SCHEMA: &str =
///     r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}"#;
///
/// let registry = SchemaRegistry::new("http://localhost:8081");
/// let incoming = ConfluentAvro::<Order>::new(registry.clone());
/// let outgoing = ConfluentAvro::<Order>::new(registry).subject("orders-value", SCHEMA)?;
/// # let _ = (incoming, outgoing);
/// # anyhow::Ok(())
/// ```
pub struct ConfluentAvro<T> {
    schemas: Schemas,
    /// What is written, and under which subject it is registered.
    subject: Option<Subject>,
    decoders: HashMap<u32, Decoder>,
    /// With the number of its schema; made for the first record.
    encoder: Option<(u32, GenericDatumWriter<'static>)>,
    records: PhantomData<fn() -> T>,
}

/// Where schemas are known from.
#[derive(Debug, Clone)]
enum Schemas {
    Registry(SchemaRegistry),
    Fixed(u32, &'static Schema),
}

impl Schemas {
    fn schema(&self, id: u32) -> Result<&'static Schema, DeserializeError> {
        match self {
            Self::Registry(registry) => registry.schema(id),
            Self::Fixed(fixed, schema) if *fixed == id => Ok(schema),
            Self::Fixed(fixed, _) => {
                let reason = format!("it is of schema {id}, where all are to be of {fixed}");
                Err(Fault::new(reason).at(1).into())
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Subject {
    name: Arc<str>,
    text: Arc<str>,
    schema: &'static Schema,
}

impl<T> ConfluentAvro<T> {
    /// Messages whose schemas a registry knows.
    pub fn new(registry: SchemaRegistry) -> Self {
        Self::with(Schemas::Registry(registry))
    }

    /// Messages of one schema, given with its number and as its JSON text: read and written without a registry. A message with
    /// another number is malformed.
    ///
    /// ```
    /// use millstream_connectors::format::{ConfluentAvro, SerializationSchema};
    ///
    /// let mut message = Vec::new();
    /// ConfluentAvro::<i64>::fixed(7, r#""long""#)?.serialize(&3, &mut message)?;
    /// assert_eq!(message, [0, 0, 0, 0, 7, 6]);
    /// # anyhow::Ok(())
    /// ```
    pub fn fixed(id: u32, schema: &str) -> Result<Self> {
        Ok(Self::with(Schemas::Fixed(id, interned(schema)?)))
    }

    fn with(schemas: Schemas) -> Self {
        Self { schemas, subject: None, decoders: HashMap::new(), encoder: None, records: PhantomData }
    }

    /// Writes by a schema, given as its JSON text. It is registered under a subject when the first record is written; for
    /// the values of a topic, that is usually `<topic>-value`.
    pub fn subject(mut self, name: &str, schema: &str) -> Result<Self> {
        self.subject = Some(Subject { name: name.into(), text: schema.into(), schema: interned(schema)? });
        Ok(self)
    }

    /// The number and the schema to write by.
    fn outgoing(&self) -> Result<(u32, &'static Schema)> {
        match (&self.schemas, &self.subject) {
            (Schemas::Fixed(id, schema), _) => Ok((*id, schema)),
            (Schemas::Registry(registry), Some(subject)) => {
                let id = registry.register(&subject.name, &subject.text).map_err(|error| {
                    anyhow::anyhow!("the schema cannot be registered under the subject `{}`: {error}", subject.name)
                })?;
                Ok((id, subject.schema))
            }
            (Schemas::Registry(_), None) => {
                Err(anyhow::anyhow!("nothing says by which schema to write: name one with `ConfluentAvro::subject`"))
            }
        }
    }
}

impl<T> Clone for ConfluentAvro<T> {
    fn clone(&self) -> Self {
        Self { subject: self.subject.clone(), ..Self::with(self.schemas.clone()) }
    }
}

impl<T> fmt::Debug for ConfluentAvro<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfluentAvro")
            .field("schemas", &self.schemas)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl<T: Data> DeserializationSchema for ConfluentAvro<T> {
    type Out = T;

    fn deserialize(&mut self, message: &[u8]) -> Result<Option<T>, DeserializeError> {
        if message.is_empty() {
            return Ok(None);
        }
        let (id, record) = parse(message)?;
        let decoder = match self.decoders.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(decoder(self.schemas.schema(id)?)?),
        };
        let in_schema = |fault: Fault| Fault {
            at: fault.at.map(|at| at + HEADER_BYTES),
            reason: format!("{} (by schema {id})", fault.reason),
        };
        Ok(Some(whole(decoder, record).map_err(in_schema)?))
    }
}

/// The number of a message's schema, and its record.
fn parse(message: &[u8]) -> Result<(u32, &[u8]), Fault> {
    match message {
        [MAGIC, a, b, c, d, record @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), record)),
        [MAGIC, ..] => Err(Fault::new(format!("{} bytes, too few to name a schema", message.len())).at(message.len())),
        _ => Err(Fault::new(
            "it does not begin with a zero byte and the number of a schema: was it written by Confluent's \
                             serializer?",
        )
        .at(0)),
    }
}

impl<T: Serialize + 'static> SerializationSchema<T> for ConfluentAvro<T> {
    fn serialize(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        if self.encoder.is_none() {
            let (id, schema) = self.outgoing()?;
            self.encoder = Some((id, GenericDatumWriter::builder(schema).build()?));
        }
        if let Some((id, encoder)) = &self.encoder {
            out.push(MAGIC);
            out.extend(id.to_be_bytes());
            encoder.write_ser(out, value)?;
        }
        Ok(())
    }
}
