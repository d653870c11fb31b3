//! How records of a topic become records of a stream.

use millstream::Result;

use super::record::KafkaRecord;
use crate::format::{DeserializationSchema, DeserializeError, Fault};

/// Makes a record of a topic's; `None` if it is to be left out. Each reader has a clone of its own.
pub(super) trait Deserialize<T>: Send + Sync {
    fn deserialize(&mut self, record: &KafkaRecord<'_>) -> Result<Option<T>, DeserializeError>;
    fn boxed_clone(&self) -> Box<dyn Deserialize<T>>;
}

/// By a function, whose errors are the record's fault.
#[derive(Clone)]
pub(super) struct ByFunction<F>(pub(super) F);

impl<T, F> Deserialize<T> for ByFunction<F>
where
    F: FnMut(&KafkaRecord<'_>) -> Result<Option<T>> + Clone + Send + Sync + 'static,
{
    #[inline]
    fn deserialize(&mut self, record: &KafkaRecord<'_>) -> Result<Option<T>, DeserializeError> {
        (self.0)(record).map_err(|error| Fault::new(format!("{error:#}")).into())
    }

    fn boxed_clone(&self) -> Box<dyn Deserialize<T>> {
        Box::new(self.clone())
    }
}

/// By a format, of the value.
#[derive(Clone)]
pub(super) struct ByFormat<S>(pub(super) S);

impl<S: DeserializationSchema> Deserialize<S::Out> for ByFormat<S> {
    #[inline]
    fn deserialize(&mut self, record: &KafkaRecord<'_>) -> Result<Option<S::Out>, DeserializeError> {
        record.value().map_or(Ok(None), |value| self.0.deserialize(value))
    }

    fn boxed_clone(&self) -> Box<dyn Deserialize<S::Out>> {
        Box::new(self.clone())
    }
}
