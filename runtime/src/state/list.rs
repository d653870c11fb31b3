//! A list of values per key.

use serde::de::IgnoredAny;

use super::snapshot::{decode, encode};
use super::{Expiry, State, StateError, Ttl};
use crate::data::Data;
use crate::time::Timestamp;

/// A list. With a time to live, each entry has its own.
///
/// ```
/// # use millstream::prelude::*;
/// let mut seen: List<&str> = List::default();
/// seen.push("a");
/// seen.push("b");
/// assert_eq!(seen.iter().collect::<Vec<_>>(), [&"a", &"b"]);
/// ```
#[derive(Debug, Clone)]
pub struct List<T> {
    entries: Vec<T>,
    /// When each entry was last used, oldest first; empty without a time to live.
    used: Vec<Timestamp>,
    expiry: Option<Box<Expiry>>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), used: Vec::new(), expiry: None }
    }
}

impl<T> List<T> {
    /// How many entries at the front have expired: entries are used in the order in which they came.
    fn expired(&self) -> usize {
        match &self.expiry {
            None => 0,
            Some(expiry) => self.used.partition_point(|used| !expiry.is_alive(*used)),
        }
    }

    fn drop_expired(&mut self) {
        let expired = self.expired();
        if expired > 0 {
            self.entries.drain(..expired);
            self.used.drain(..expired);
        }
    }

    /// Carries out what [`List::as_slice`] has noted: all entries that were alive then were read then. To be called
    /// before time goes on.
    fn renew_read(&mut self) {
        let expired = self.expired();
        if let Some(expiry) = &self.expiry
            && expiry.used().is_set()
        {
            self.used[expired..].fill(expiry.used());
            expiry.set_used(Timestamp::MIN);
        }
    }

    /// Appends an entry.
    pub fn push(&mut self, value: T) {
        if let Some(expiry) = &self.expiry {
            // In order, even if the clock of a restored job is behind that of the one before.
            let last = self.used.last().copied().unwrap_or(Timestamp::MIN);
            self.used.push(last.max(expiry.now()));
            self.drop_expired();
        }
        self.entries.push(value);
    }

    /// Replaces all entries.
    pub fn set(&mut self, values: Vec<T>) {
        self.entries = values;
        if let Some(expiry) = &self.expiry {
            self.used = vec![expiry.now(); self.entries.len()];
        }
    }

    /// The entries, oldest first.
    pub fn as_slice(&self) -> &[T] {
        if let Some(expiry) = &self.expiry
            && expiry.renewed_by_reading()
        {
            expiry.written();
        }
        &self.entries[self.expired()..]
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.expired()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all entries out.
    pub fn take(&mut self) -> Vec<T> {
        self.drop_expired();
        self.used.clear();
        std::mem::take(&mut self.entries)
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.used.clear();
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.push(value);
        }
    }
}

impl<T: Data> State for List<T> {
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }

    fn is_vacant_at(&self, now: Timestamp) -> bool {
        let Some(expiry) = &self.expiry else { return self.entries.is_empty() };
        // The last entry lives longest, and reading that was noted renews it if it is alive.
        let last = if self.is_empty() { None } else { self.used.last() };
        last.is_none_or(|last| !expiry.is_alive_at(expiry.used().max(*last), now))
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.expiry = Expiry::boxed(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        self.renew_read();
        if let Some(expiry) = &mut self.expiry {
            expiry.set_now(now);
        }
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<(), StateError> {
        let expired = self.expired();
        let mut used = self.used.get(expired..).map(<[Timestamp]>::to_vec);
        if let (Some(expiry), Some(used)) = (&self.expiry, &mut used)
            && expiry.used().is_set()
        {
            used.fill(expiry.used());
        }
        encode(&(used, &self.entries[expired..]), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let (used, entries): (Option<Vec<Timestamp>>, Vec<T>) = decode(from, "the list")?;
        self.set(entries);
        if let (Some(_), Some(used)) = (&self.expiry, used)
            && used.len() == self.entries.len()
        {
            self.used = used;
        }
        Ok(())
    }

    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        let (used, _): (Option<Vec<Timestamp>>, IgnoredAny) = decode(from, "the list")?;
        Ok(used.and_then(|used| used.last().copied()))
    }
}
