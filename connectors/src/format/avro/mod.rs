//! Avro: messages by a fixed schema or by those of a registry, and container files.
//!
//! The fields of a record are found by name. What is read has been written by some schema, the *writer's*, which a file
//! holds and a registry knows. Unless a reader's schema is given, evolution is serde's: fields that a type does not have
//! are passed over, those that are missing need `#[serde(default)]`, renamed ones `#[serde(alias = ..)]`. With a
//! reader's schema, it is Avro's schema resolution, except that aliases in the schema are not followed.

mod confluent;
mod container;
mod datum;
mod file;
mod message;
mod registry;
mod schema;
mod writer;

pub use confluent::ConfluentAvro;
pub use file::{AvroCompression, AvroFile};
pub use message::Avro;
pub use registry::SchemaRegistry;
