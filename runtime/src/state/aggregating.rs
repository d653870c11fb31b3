//! An accumulator per key.

use super::{State, StateError, Ttl, Value};
use crate::operator::Aggregate;
use crate::time::Timestamp;

/// Folds what is added by an [`Aggregate`].
#[derive(Debug, Clone)]
pub struct Aggregating<A: Aggregate> {
    acc: Value<A::Acc>,
    aggregate: A,
}

impl<A: Aggregate + Default> Default for Aggregating<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A: Aggregate> Aggregating<A> {
    /// An empty state that folds by `aggregate`.
    pub fn new(aggregate: A) -> Self {
        Self { acc: Value::default(), aggregate }
    }

    /// Adds a value.
    pub fn add(&mut self, value: A::In) {
        let aggregate = &self.aggregate;
        aggregate.add(self.acc.get_or_insert_with(|| aggregate.create()), value);
    }

    /// The result for what was added so far.
    pub fn get(&self) -> Option<A::Out> {
        self.acc.get().map(|acc| self.aggregate.result(acc))
    }

    /// Forgets what was added.
    pub fn clear(&mut self) {
        self.acc.clear();
    }
}

impl<A: Aggregate> State for Aggregating<A> {
    fn is_vacant(&self) -> bool {
        self.acc.is_vacant()
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.acc.set_ttl(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        self.acc.set_now(now);
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.acc.has_expired(now)
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.acc.remove_expired(now);
    }

    fn is_written(&self, now: Timestamp) -> bool {
        self.acc.is_written(now)
    }

    fn encode(&self, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        self.acc.encode(now, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        self.acc.decode(from)
    }

    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        self.acc.last_use(from)
    }
}
