//! A map per key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use serde::de::IgnoredAny;

use super::snapshot::{decode, encode};
use super::{Expiry, LastUse, State, StateError, Ttl};
use crate::data::Data;
use crate::time::Timestamp;

/// With a time to live, expired entries are looked for when there are twice as many entries as after the last time, and
/// at least so many.
const MIN_PURGED: usize = 32;

/// A map. With a time to live, each entry has its own.
///
/// ```
/// # use millstream::prelude::*;
/// let mut visits: Map<String, u64> = Map::default();
/// visits.insert("home".to_owned(), 1);
/// assert_eq!(visits.get("home"), Some(&1));
/// ```
#[derive(Debug, Clone)]
pub struct Map<K, V> {
    /// Each value with when it was last used.
    entries: HashMap<K, (V, LastUse)>,
    expiry: Option<Box<Expiry>>,
    /// No entry was last used before. Only kept with a time to live.
    oldest: Timestamp,
    /// How many entries there must be for expired ones to be looked for.
    purge_at: usize,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), expiry: None, oldest: Timestamp::MIN, purge_at: MIN_PURGED }
    }
}

impl<K: Eq + Hash, V> Map<K, V> {
    fn now(&self) -> Timestamp {
        self.expiry.as_ref().map_or(Timestamp::MIN, |expiry| expiry.now())
    }

    fn is_visible(&self, used: &LastUse) -> bool {
        self.expiry.as_ref().is_none_or(|expiry| expiry.is_visible(used.get()))
    }

    /// Whether an entry that is being read can be seen.
    fn read(&self, used: &LastUse) -> bool {
        self.expiry.as_ref().is_none_or(|expiry| expiry.read_entry(used))
    }

    /// The entries that can be seen; looking at them is not reading.
    fn visible(&self) -> impl Iterator<Item = (&K, &(V, LastUse))> {
        self.entries.iter().filter(|(_, (_, used))| self.is_visible(used))
    }

    /// Whether none of the entries, if there are any, is alive at `now`.
    fn is_dead(&self, now: Timestamp) -> bool {
        let is_alive = |used: &LastUse| self.expiry.as_ref().is_none_or(|expiry| expiry.is_alive_at(used.get(), now));
        !self.entries.values().any(|(_, used)| is_alive(used))
    }

    /// Makes room for an entry: a map that lives long must not keep what has expired.
    fn make_room(&mut self) {
        if self.expiry.is_some() && self.entries.len() >= self.purge_at {
            self.purge();
        }
        self.oldest = if self.entries.is_empty() { self.now() } else { self.oldest.min(self.now()) };
    }

    fn purge(&mut self) {
        let Some(expiry) = &self.expiry else { return };
        let mut oldest = Timestamp::MAX;
        self.entries.retain(|_, (_, used)| {
            let alive = expiry.is_alive(used.get());
            if alive {
                oldest = oldest.min(used.get());
            }
            alive
        });
        self.oldest = oldest;
        self.purge_at = MIN_PURGED.max(2 * self.entries.len());
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.get(key).filter(|(_, used)| self.read(used)).map(|(value, _)| value)
    }

    /// The value of a key, to be changed in place; counts as writing.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let now = self.now();
        let expiry = self.expiry.as_ref();
        let is_visible = |used: &LastUse| expiry.is_none_or(|expiry| expiry.is_visible(used.get()));
        let (value, used) = self.entries.get_mut(key).filter(|(_, used)| is_visible(used))?;
        used.set(now);
        Some(value)
    }

    /// The value of a key, or what `make` gives, which is then stored; counts as writing.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.make_room();
        let now = self.now();
        let expiry = self.expiry.as_ref();
        match self.entries.entry(key) {
            Entry::Occupied(occupied) => {
                let (value, used) = occupied.into_mut();
                if expiry.is_some_and(|expiry| !expiry.is_visible(used.get())) {
                    *value = make();
                }
                used.set(now);
                value
            }
            Entry::Vacant(vacant) => &mut vacant.insert((make(), LastUse::at(now))).0,
        }
    }

    /// Stores a value; answers the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.make_room();
        let used = LastUse::at(self.now());
        self.entries.insert(key, (value, used)).filter(|(_, used)| self.is_visible(used)).map(|(value, _)| value)
    }

    /// Takes a value out.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.remove(key).filter(|(_, used)| self.is_visible(used)).map(|(value, _)| value)
    }

    /// Whether the key has a value.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Keys and values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().filter(|(_, (_, used))| self.read(used)).map(|(key, (value, _))| (key, value))
    }

    /// How many entries there are; looks at each if the map has a time to live.
    pub fn len(&self) -> usize {
        match self.expiry {
            None => self.entries.len(),
            Some(_) => self.visible().count(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        match self.expiry {
            None => self.entries.is_empty(),
            Some(_) => self.visible().next().is_none(),
        }
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<K: Data + Eq + Hash, V: Data> State for Map<K, V> {
    fn is_vacant(&self) -> bool {
        self.is_dead(self.now())
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.expiry = Expiry::boxed(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        if let Some(expiry) = &mut self.expiry {
            expiry.set_now(now);
        }
    }

    /// Looking through a large map costs something, so it is done once some entries have been dead for a while, or all are.
    fn has_expired(&self, now: Timestamp) -> bool {
        let Some(expiry) = &self.expiry else { return false };
        !self.entries.is_empty()
            && (!expiry.is_alive_at(self.oldest.saturating_add(expiry.patience()), now) || self.is_dead(now))
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.set_now(now);
        self.purge();
    }

    fn is_written(&self, now: Timestamp) -> bool {
        match &self.expiry {
            None => !self.entries.is_empty(),
            Some(expiry) => self.entries.values().any(|(_, used)| expiry.is_written(used.get(), now)),
        }
    }

    fn encode(&self, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        let expiry = self.expiry.as_ref();
        let written =
            self.entries.iter().filter(|(_, (_, used))| expiry.is_none_or(|expiry| expiry.is_written(used.get(), now)));
        let entries = written.map(|(key, (value, used))| (key, value, expiry.map(|_| used.get())));
        encode(&entries.collect::<Vec<(&K, &V, Option<Timestamp>)>>(), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let now = self.now();
        let entries: Vec<(K, V, Option<Timestamp>)> = decode(from, "the map")?;
        let used_at = |used: Option<Timestamp>| LastUse::at(used.unwrap_or(now));
        self.oldest = entries.iter().map(|(_, _, used)| used.unwrap_or(now)).min().unwrap_or(now);
        self.entries = entries.into_iter().map(|(key, value, used)| (key, (value, used_at(used)))).collect();
        Ok(())
    }

    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        let entries: Vec<(IgnoredAny, IgnoredAny, Option<Timestamp>)> = decode(from, "the map")?;
        let used: Option<Vec<Timestamp>> = entries.into_iter().map(|(_, _, used)| used).collect();
        Ok(used.and_then(|used| used.into_iter().max()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_map_that_lives_long_does_not_keep_what_has_expired() {
        let mut map: Map<i64, ()> = Map::default();
        map.set_ttl(Some(Ttl::new(Duration::from_millis(50))));
        for now in 0..10_000 {
            map.set_now(Timestamp::from_millis(now));
            if now % 2 == 0 {
                map.insert(now, ());
            } else {
                map.get_or_insert_with(now, || ());
            }
            assert!(map.entries.len() <= 2 * 50, "{} entries, of which {} are alive", map.entries.len(), map.len());
        }
        assert_eq!(map.len(), 50);
    }

    #[test]
    fn a_few_dead_entries_are_swept_out_once_they_have_been_dead_for_a_while() {
        let mut map: Map<i64, ()> = Map::default();
        map.set_ttl(Some(Ttl::new(Duration::from_millis(40))));
        for now in 0..30 {
            map.set_now(Timestamp::from_millis(now));
            map.insert(now, ());
        }
        let at = Timestamp::from_millis;
        assert!(!map.has_expired(at(49)), "the first entries are dead, but not for long");
        assert!(map.has_expired(at(50)));
        map.remove_expired(at(50));
        assert_eq!(map.entries.len(), 19);
        assert!(!map.has_expired(at(60)));
        assert!(map.has_expired(at(69)), "all entries are dead");
    }
}
