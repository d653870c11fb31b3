//! Numbers for keys: the one hash lookup that a record costs.
//!
//! Open addressing with linear probing over 8-byte slots (half of the key's hash, and its number), half full at most;
//! the keys themselves stand in pages by number. Numbers are dense and reused, so that rows and window panes can be
//! plain arrays over them. Deletion shifts back, so there are no tombstones.

use std::borrow::Borrow;
use std::hint::select_unpredictable;

use super::prefetch::prefetch;
use super::{FrozenKeys, Pages};
use crate::data::Key;

/// The number of a key within one subtask.
pub(crate) type RowId = u32;

const EMPTY: u64 = 0;

/// So many slots stay near the processor by themselves.
const NEAR_SLOTS: usize = 1 << 16;

/// How many keys' slots are brought into the cache before the first of them is looked at.
const LOOK_AHEAD: usize = 64;

/// The keys that one subtask keeps something for.
#[derive(Debug)]
pub(crate) struct KeyIndex<K> {
    /// `hash >> 32 << 32 | row + 1`, or [`EMPTY`].
    slots: Vec<u64>,
    mask: usize,
    len: usize,
    keys: Pages<K>,
    hashes: Pages<u64>,
    free: Vec<RowId>,
}

impl<K: Key> Default for KeyIndex<K> {
    fn default() -> Self {
        let slots = 16;
        Self {
            slots: vec![EMPTY; slots],
            mask: slots - 1,
            len: 0,
            keys: Pages::default(),
            hashes: Pages::default(),
            free: Vec::new(),
        }
    }
}

#[inline]
fn slot_of(hash: u64, row: RowId) -> u64 {
    (hash & 0xffff_ffff_0000_0000) | u64::from(row + 1)
}

#[inline]
fn row_of(slot: u64) -> RowId {
    slot as u32 - 1
}

#[inline]
fn same_tag(slot: u64, hash: u64) -> bool {
    (slot ^ hash) >> 32 == 0
}

impl<K: Key> KeyIndex<K> {
    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One more than the highest number ever given out: the length that an array over the numbers needs.
    pub(crate) fn row_count(&self) -> usize {
        self.keys.len()
    }

    #[inline]
    pub(crate) fn key(&self, row: RowId) -> &K {
        self.keys.get(row)
    }

    #[inline]
    pub(crate) fn hash(&self, row: RowId) -> u64 {
        *self.hashes.get(row)
    }

    /// The slot that `at` means after masking.
    #[inline]
    fn slot(&self, at: usize) -> u64 {
        // SAFETY: the mask is one less than the number of slots, always.
        unsafe { *self.slots.get_unchecked(at & self.mask) }
    }

    /// The numbers of several values' keys, given with their hashes; keys that have none get one.
    ///
    /// Looks ahead, so that the cache misses of different keys overlap.
    #[inline]
    pub(crate) fn find_or_insert_all<'a, T, B: Borrow<K>>(
        &mut self,
        hashes: &[u64],
        values: &'a [T],
        key: impl Fn(&'a T) -> B,
        rows: &mut Vec<RowId>,
    ) {
        rows.clear();
        rows.resize(hashes.len(), 0);
        let chunks = hashes.chunks(LOOK_AHEAD).zip(values.chunks(LOOK_AHEAD)).zip(rows.chunks_mut(LOOK_AHEAD));
        for ((hashes, values), rows) in chunks {
            if self.slots.len() > NEAR_SLOTS {
                for hash in hashes {
                    prefetch(self.slots.as_ptr().wrapping_add(*hash as usize & self.mask));
                }
            }
            for ((hash, value), row) in hashes.iter().zip(values).zip(rows) {
                *row = self.find_or_insert(*hash, key(value).borrow());
            }
        }
    }

    /// The number of a key, which gets one if it has none.
    #[inline]
    pub(crate) fn find_or_insert(&mut self, hash: u64, key: &K) -> RowId {
        // Nearly every key is in the first two slots of its probe run. Which of them cannot be predicted, so it is
        // found without a branch.
        let home = hash as usize;
        let (first, second) = (self.slot(home), self.slot(home.wrapping_add(1)));
        let slot = select_unpredictable(same_tag(first, hash), first, second);
        // Comparing the tags tells a wrong slot earlier than comparing the keys. An empty slot with the tag of the hash
        // has the number of no key.
        let row = (slot as RowId).wrapping_sub(1);
        if same_tag(slot, hash) && self.keys.find(row).is_some_and(|found| found == key) {
            return row;
        }
        self.probe_or_insert(hash, key)
    }

    #[inline(never)]
    fn probe_or_insert(&mut self, hash: u64, key: &K) -> RowId {
        let mut at = hash as usize & self.mask;
        loop {
            let slot = self.slot(at);
            if slot == EMPTY {
                return self.insert(at, hash, key);
            }
            if same_tag(slot, hash) && self.keys.get(row_of(slot)) == key {
                return row_of(slot);
            }
            at = (at + 1) & self.mask;
        }
    }

    /// The number of a key, if it has one.
    pub(crate) fn find(&self, hash: u64, key: &K) -> Option<RowId> {
        let mut at = hash as usize & self.mask;
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if same_tag(slot, hash) && self.keys.get(row_of(slot)) == key {
                return Some(row_of(slot));
            }
            at = (at + 1) & self.mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, at: usize, hash: u64, key: &K) -> RowId {
        let row = match self.free.pop() {
            Some(row) => {
                *self.keys.get_mut(row) = key.clone();
                *self.hashes.get_mut(row) = hash;
                row
            }
            None => {
                let row = RowId::try_from(self.keys.len()).expect("invariant: fewer than 2^32 keys per subtask");
                self.keys.push(key.clone());
                self.hashes.push(hash);
                row
            }
        };
        self.slots[at] = slot_of(hash, row);
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
        row
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![EMPTY; old.len() * 2];
        self.mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| *slot != EMPTY) {
            let mut at = self.hash(row_of(slot)) as usize & self.mask;
            while self.slots[at] != EMPTY {
                at = (at + 1) & self.mask;
            }
            self.slots[at] = slot;
        }
    }

    /// Whether the number stands for a key now.
    pub(crate) fn is_live(&self, row: RowId) -> bool {
        self.find_slot(row).is_some()
    }

    fn find_slot(&self, row: RowId) -> Option<usize> {
        let hash = self.hash(row);
        let wanted = slot_of(hash, row);
        let mut at = hash as usize & self.mask;
        while self.slots[at] != wanted {
            if self.slots[at] == EMPTY {
                return None;
            }
            at = (at + 1) & self.mask;
        }
        Some(at)
    }

    /// Forgets a key; its number may be given out again. Does nothing if the number stands for no key.
    pub(crate) fn remove(&mut self, row: RowId) {
        let Some(mut hole) = self.find_slot(row) else { return };
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let slot = self.slots[at];
            if slot == EMPTY {
                break;
            }
            let home = self.hash(row_of(slot)) as usize & self.mask;
            // A slot may move back to the hole unless its home lies behind the hole.
            if (at.wrapping_sub(home) & self.mask) >= (at.wrapping_sub(hole) & self.mask) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
        self.free.push(row);
    }

    /// The keys as they are now, for another thread to read.
    pub(crate) fn freeze(&mut self) -> FrozenKeys<K> {
        FrozenKeys::new(self.keys.freeze(), self.hashes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::hash::stable_hash;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Few distinct hashes, so that probe runs are long and wrap around.
        #[test]
        fn behaves_like_a_hash_map(steps in prop::collection::vec((0u16..300, any::<bool>()), 1..2000)) {
            let mut index = KeyIndex::default();
            let mut oracle: HashMap<u16, RowId> = HashMap::new();
            for (key, insert) in steps {
                let hash = stable_hash(&(key % 40));
                prop_assert_eq!(index.find(hash, &key), oracle.get(&key).copied());
                if insert {
                    let row = index.find_or_insert(hash, &key);
                    prop_assert_eq!(*oracle.entry(key).or_insert(row), row);
                    prop_assert_eq!(index.key(row), &key);
                } else if let Some(row) = oracle.remove(&key) {
                    index.remove(row);
                    prop_assert!(!index.is_live(row));
                }
                prop_assert_eq!(index.len(), oracle.len());
            }
            let frozen = index.freeze();
            for (key, row) in oracle {
                prop_assert_eq!((frozen.key(row), frozen.hash(row)), (&key, stable_hash(&(key % 40))));
            }
        }
    }
}
