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

    /// How many entries at the front cannot be seen.
    fn hidden(&self) -> usize {
        match &self.expiry {
            Some(expiry) if expiry.shows_expired() => 0,
            _ => self.expired(),
        }
    }

    fn drop_front(&mut self, count: usize) {
        if count > 0 {
            self.entries.drain(..count);
            self.used.drain(..count);
        }
    }

    /// When the entry at `index` was last used, with what [`List::as_slice`] has noted.
    fn used_at(&self, index: usize, expiry: &Expiry) -> Timestamp {
        let used = self.used[index];
        if expiry.used().is_set() && expiry.is_alive(used) { expiry.used() } else { used }
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
            self.drop_front(self.expired());
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
        &self.entries[self.hidden()..]
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.hidden()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all entries out.
    pub fn take(&mut self) -> Vec<T> {
        self.drop_front(self.hidden());
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
        self.entries.len() == self.expired()
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

    fn has_expired(&self, now: Timestamp) -> bool {
        match &self.expiry {
            None => false,
            Some(expiry) => !self.entries.is_empty() && !expiry.is_alive_at(self.used_at(0, expiry), now),
        }
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.set_now(now);
        self.drop_front(self.expired());
    }

    fn is_written(&self, now: Timestamp) -> bool {
        let Some(last) = self.entries.len().checked_sub(1) else { return false };
        self.expiry.as_ref().is_none_or(|expiry| expiry.is_written(self.used_at(last, expiry), now))
    }

    fn encode(&self, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        let Some(expiry) = &self.expiry else { return encode(&(None::<()>, &self.entries), to) };
        let used: Vec<Timestamp> = (0..self.used.len()).map(|index| self.used_at(index, expiry)).collect();
        let unwritten = used.partition_point(|used| !expiry.is_written(*used, now));
        encode(&(Some(&used[unwritten..]), &self.entries[unwritten..]), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let (used, entries): (Option<Vec<Timestamp>>, Vec<T>) =
            decode(from, "the list").map_err(|error| error.within_tuple(1))?;
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
