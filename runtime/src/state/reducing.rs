//! A value per key that records are combined into.

use super::{State, StateError, Ttl, Value};
use crate::data::Data;
use crate::time::Timestamp;

/// Combines what is added into one value of the same type.
///
/// ```
/// # use millstream::prelude::*;
/// let mut highest: Reducing<u64> = Reducing::new(|a, b| a.max(b));
/// highest.add(3);
/// highest.add(2);
/// assert_eq!(highest.get(), Some(&3));
/// ```
#[derive(Debug, Clone)]
pub struct Reducing<T> {
    value: Value<T>,
    reduce: fn(T, T) -> T,
}

impl<T> Reducing<T> {
    /// An empty state that combines by `reduce`.
    pub fn new(reduce: fn(T, T) -> T) -> Self {
        Self { value: Value::default(), reduce }
    }

    /// Combines `value` into what is stored.
    pub fn add(&mut self, value: T) {
        let reduced = match self.value.take() {
            Some(before) => (self.reduce)(before, value),
            None => value,
        };
        self.value.set(reduced);
    }

    /// What has been combined so far.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Takes out what has been combined.
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// Forgets what has been combined.
    pub fn clear(&mut self) {
        self.value.clear();
    }
}

impl<T: Data> State for Reducing<T> {
    fn is_vacant(&self) -> bool {
        self.value.is_vacant()
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.value.set_ttl(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        self.value.set_now(now);
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.value.has_expired(now)
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.value.remove_expired(now);
    }

    fn is_written(&self, now: Timestamp) -> bool {
        self.value.is_written(now)
    }

    fn encode(&self, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        self.value.encode(now, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        self.value.decode(from)
    }

    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        self.value.last_use(from)
    }
}
