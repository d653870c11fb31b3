//! A map per key.

use std::collections::HashMap;
use std::hash::Hash;

use super::snapshot::{decode, encode};
use super::{Expiry, State, StateError, Ttl};
use crate::data::Data;
use crate::time::Timestamp;

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
    entries: HashMap<K, (V, Timestamp)>,
    expiry: Option<Box<Expiry>>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), expiry: None }
    }
}

impl<K: Eq + Hash, V> Map<K, V> {
    fn now(&self) -> Timestamp {
        self.expiry.as_ref().map_or(Timestamp::MIN, |expiry| expiry.now())
    }

    fn is_alive(&self, used: Timestamp) -> bool {
        self.expiry.as_ref().is_none_or(|expiry| expiry.is_alive(used))
    }

    /// The value of a key. Without `&mut` this cannot renew a lifetime that reading renews; `get_mut` does.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.get(key).filter(|(_, used)| self.is_alive(*used)).map(|(value, _)| value)
    }

    /// The value of a key, to be changed in place; counts as writing.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let now = self.now();
        let expiry = self.expiry.as_ref();
        let entry = self.entries.get_mut(key).filter(|(_, used)| expiry.is_none_or(|expiry| expiry.is_alive(*used)))?;
        entry.1 = now;
        Some(&mut entry.0)
    }

    /// The value of a key, or what `make` gives, which is then stored; counts as writing.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let now = self.now();
        let expiry = self.expiry.as_ref();
        match self.entries.entry(key) {
            std::collections::hash_map::Entry::Occupied(occupied) => {
                let entry = occupied.into_mut();
                if expiry.is_some_and(|expiry| !expiry.is_alive(entry.1)) {
                    entry.0 = make();
                }
                entry.1 = now;
                &mut entry.0
            }
            std::collections::hash_map::Entry::Vacant(vacant) => &mut vacant.insert((make(), now)).0,
        }
    }

    /// Stores a value; answers the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let now = self.now();
        self.entries.insert(key, (value, now)).filter(|(_, used)| self.is_alive(*used)).map(|(value, _)| value)
    }

    /// Takes a value out.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.entries.remove(key).filter(|(_, used)| self.is_alive(*used)).map(|(value, _)| value)
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
        self.entries.iter().filter(|(_, (_, used))| self.is_alive(*used)).map(|(key, (value, _))| (key, value))
    }

    /// How many entries there are; looks at each if the map has a time to live.
    pub fn len(&self) -> usize {
        match self.expiry {
            None => self.entries.len(),
            Some(_) => self.iter().count(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        match self.expiry {
            None => self.entries.is_empty(),
            Some(_) => self.iter().next().is_none(),
        }
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<K: Data + Eq + Hash, V: Data> State for Map<K, V> {
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }

    fn set_ttl(&mut self, ttl: Option<Ttl>) {
        self.expiry = Expiry::boxed(ttl);
    }

    fn set_now(&mut self, now: Timestamp) {
        if let Some(expiry) = &mut self.expiry {
            expiry.set_now(now);
        }
    }

    fn encode(&self, to: &mut Vec<u8>) -> Result<(), StateError> {
        let alive: Vec<(&K, &V, Option<Timestamp>)> = self
            .entries
            .iter()
            .filter(|(_, (_, used))| self.is_alive(*used))
            .map(|(key, (value, used))| (key, value, self.expiry.as_ref().map(|_| *used)))
            .collect();
        encode(&alive, to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let now = self.now();
        let entries: Vec<(K, V, Option<Timestamp>)> = decode(from, "the map")?;
        self.entries = entries.into_iter().map(|(key, value, used)| (key, (value, used.unwrap_or(now)))).collect();
        Ok(())
    }
}
