//! A single value per key.

use serde::de::IgnoredAny;

use super::snapshot::{decode, encode};
use super::{Expiry, State, StateError, Ttl};
use crate::data::Data;
use crate::time::Timestamp;

/// One value, or none.
///
/// ```
/// # use millstream::prelude::*;
/// let mut total: Value<u64> = Value::default();
/// assert_eq!(total.get(), None);
/// *total.get_or_default() += 2;
/// assert_eq!(total.take(), Some(2));
/// ```
#[derive(Debug, Clone)]
pub struct Value<T> {
    stored: Option<T>,
    expiry: Option<Box<Expiry>>,
}

impl<T> Default for Value<T> {
    fn default() -> Self {
        Self { stored: None, expiry: None }
    }
}

impl<T> Value<T> {
    #[inline]
    fn drop_hidden(&mut self) {
        if let Some(expiry) = &self.expiry
            && !expiry.is_visible(expiry.used())
        {
            self.stored = None;
        }
    }

    #[inline]
    fn written(&self) {
        if let Some(expiry) = &self.expiry {
            expiry.written();
        }
    }

    /// What is stored.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        match &self.expiry {
            None => self.stored.as_ref(),
            Some(expiry) => self.stored.as_ref().filter(|_| expiry.read()),
        }
    }

    /// What is stored, to be changed in place; counts as writing.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.drop_hidden();
        self.written();
        self.stored.as_mut()
    }

    /// What is stored, or the default, which is then stored; counts as writing.
    #[inline]
    pub fn get_or_default(&mut self) -> &mut T
    where
        T: Default,
    {
        self.get_or_insert_with(T::default)
    }

    /// What is stored, or what `make` gives, which is then stored; counts as writing.
    #[inline]
    pub fn get_or_insert_with(&mut self, make: impl FnOnce() -> T) -> &mut T {
        self.drop_hidden();
        self.written();
        self.stored.get_or_insert_with(make)
    }

    /// Stores a value in place of the one before.
    #[inline]
    pub fn set(&mut self, value: T) {
        self.written();
        self.stored = Some(value);
    }

    /// Takes the value out.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.drop_hidden();
        self.stored.take()
    }

    /// Forgets the value.
    #[inline]
    pub fn clear(&mut self) {
        self.stored = None;
    }
}

impl<T: Data> State for Value<T> {
    #[inline]
    fn is_vacant(&self) -> bool {
        match &self.expiry {
            None => self.stored.is_none(),
            Some(expiry) => self.stored.is_none() || !expiry.is_alive(expiry.used()),
        }
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.expiry = Expiry::boxed(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        if let Some(expiry) = &mut self.expiry {
            expiry.set_now(now);
        }
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        match &self.expiry {
            None => false,
            Some(expiry) => self.stored.is_some() && !expiry.is_alive_at(expiry.used(), now),
        }
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.set_now(now);
        if self.is_vacant() {
            self.stored = None;
        }
    }

    fn is_written(&self, now: Timestamp) -> bool {
        self.stored.is_some() && self.expiry.as_ref().is_none_or(|expiry| expiry.is_written(expiry.used(), now))
    }

    fn encode(&self, _now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        let used = self.expiry.as_ref().map(|expiry| expiry.used());
        encode(&(used, &self.stored), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let (used, stored): (Option<Timestamp>, Option<T>) =
            decode(from, "the value").map_err(|error| error.within_tuple(1))?;
        self.stored = stored;
        if let Some(expiry) = &self.expiry {
            // A state that had no time to live before begins it now.
            expiry.set_used(used.unwrap_or(expiry.now()));
        }
        Ok(())
    }

    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        let (used, _): (_, IgnoredAny) = decode(from, "the value")?;
        Ok(used)
    }
}
