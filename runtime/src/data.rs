//! What may travel through a job, and what may be a key.

use serde::{Serialize, de::DeserializeOwned};

/// A record's value: anything that can be copied to several consumers, sent to another process, and kept in state.
///
/// Implemented for every type that qualifies; there is nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel through a job",
    label = "this type must be `Clone + Send + Sync + Serialize + DeserializeOwned`",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to the type"
)]
pub trait Data: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

impl<T> Data for T where T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

/// What a stream can be keyed by.
///
/// Two keys that are equal must serialize equally: the key's hash is taken over its serialized form, so that it stays
/// the same across processes, platforms and versions.
///
/// Implemented for every type that qualifies; there is nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "a key must be `Eq + Clone + Send + Sync + Serialize + DeserializeOwned`",
    note = "add `#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]` to the type"
)]
pub trait Key: Data + Eq {}

impl<T> Key for T where T: Data + Eq {}
