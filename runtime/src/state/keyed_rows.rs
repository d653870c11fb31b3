//! The rows of a keyed operator: all of them in memory, or those used lately, in front of a store.

use std::sync::Arc;

use super::cache::{RowCache, Rows};
use super::store::user_key;
use super::{KeyIndex, OperatorCapture, OperatorSnapshot, Pages, RowCodec, RowId, StateError};
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::operator::TaskContext;
use crate::time::Timestamp;

/// So many keys of a walk are taken at a time.
const WALK_KEYS: usize = 256;

/// Where a walk through all keys has come to.
pub(crate) enum Walk {
    InMemory {
        next: RowId,
    },
    InStore {
        /// The last key, as it stands in the store.
        after: Vec<u8>,
    },
}

/// A row for each key.
///
/// For each batch: [`KeyedRows::make_room`], then give the batch's keys numbers, then [`KeyedRows::load`] these; after that
/// each of them has its row.
pub(crate) struct KeyedRows<K, C: RowCodec> {
    pub(crate) keys: KeyIndex<K>,
    pub(crate) rows: Pages<C::Row>,
    codec: C,
    /// What the rows are called in snapshots.
    section: &'static str,
    /// `None` if all rows are in memory.
    cache: Option<Box<RowCache>>,
}

impl<K: Key, C: RowCodec> KeyedRows<K, C> {
    pub(crate) fn new(section: &'static str, codec: C) -> Self {
        Self { keys: KeyIndex::default(), rows: Pages::default(), codec, section, cache: None }
    }

    /// Makes ready for the first key: gets a store, if rows are to be in one and none was restored.
    pub(crate) fn open(&mut self, task: &TaskContext) -> Result<(), StateError> {
        if self.cache.is_none() { self.open_store(task, None) } else { Ok(()) }
    }

    fn open_store(&mut self, task: &TaskContext, from: Option<&OperatorSnapshot>) -> Result<(), StateError> {
        if let Some(stores) = &task.stores {
            let groups = task.info.key_groups();
            let expired = self.codec.expiry_filters(Arc::clone(&task.clock));
            let store = stores.open(self.section, groups, from, expired)?;
            self.cache = Some(Box::new(RowCache::new(store, groups, stores.cache_bytes())));
        }
        Ok(())
    }

    /// Whether only a part of the rows is in memory.
    pub(crate) fn is_cached(&self) -> bool {
        self.cache.is_some()
    }

    pub(crate) fn codec(&self) -> &C {
        &self.codec
    }

    pub(crate) fn codec_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// Whether no snapshot has still to take what is in a store: what is dropped there now is dropped from no snapshot.
    pub(crate) fn is_captured(&self) -> bool {
        self.cache.as_ref().is_none_or(|cache| cache.is_captured())
    }

    /// Has rows go that were not used lately, if there are too many. Takes away numbers.
    #[inline]
    pub(crate) fn make_room(&mut self, now: Timestamp) -> Result<(), StateError> {
        let Self { keys, rows, codec, cache, .. } = self;
        match cache {
            None => Ok(()),
            Some(cache) => cache.make_room(&mut Rows { keys, rows, codec }, now),
        }
    }

    /// Sees to it that keys that have got numbers have their rows.
    #[inline]
    pub(crate) fn load(&mut self, numbers: &[RowId], now: Timestamp) -> Result<(), StateError> {
        let Self { keys, rows, codec, cache, .. } = self;
        rows.grow_to(keys.row_count(), || codec.blank());
        match cache {
            None => Ok(()),
            Some(cache) => cache.load(&mut Rows { keys, rows, codec }, numbers, now),
        }
    }

    /// The number of a key, which has its row then.
    pub(crate) fn find_or_load(&mut self, hash: u64, key: &K, now: Timestamp) -> Result<RowId, StateError> {
        let row = self.keys.find_or_insert(hash, key);
        self.load(&[row], now)?;
        Ok(row)
    }

    /// Begins to go through all keys.
    pub(crate) fn walk(&mut self, now: Timestamp) -> Result<Walk, StateError> {
        let Self { keys, rows, codec, cache, .. } = self;
        match cache {
            None => Ok(Walk::InMemory { next: 0 }),
            Some(cache) => {
                cache.write_back(&Rows { keys, rows, codec }, now)?;
                Ok(Walk::InStore { after: Vec::new() })
            }
        }
    }

    /// The next few keys, which have their rows then; none at the end. Only keys that were there when the walk began, and
    /// are still, are sure to come, each once. Takes away numbers.
    pub(crate) fn walk_on(
        &mut self,
        walk: &mut Walk,
        numbers: &mut Vec<RowId>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.make_room(now)?;
        numbers.clear();
        match walk {
            Walk::InStore { after } => {
                let cache = self.cache.as_ref().expect("invariant: rows in a store stay in it");
                let found = cache.keys_after(after, WALK_KEYS)?;
                for key in &found {
                    let key: K = super::decode(&mut user_key(key), "a key")?;
                    numbers.push(self.keys.find_or_insert(stable_hash(&key), &key));
                }
                if let Some(last) = found.last() {
                    after.clone_from(last);
                }
                self.load(numbers, now)
            }
            Walk::InMemory { next } => {
                let count = self.keys.row_count() as RowId;
                while *next < count && numbers.len() < WALK_KEYS {
                    if self.keys.is_live(*next) {
                        numbers.push(*next);
                    }
                    *next += 1;
                }
                Ok(())
            }
        }
    }

    /// Gives up a key whose row is vacant. State that has expired is dropped, so that it cannot come back in a snapshot or
    /// under another key, whatever the clock says then.
    pub(crate) fn forget(&mut self, row: RowId) {
        // What is in front of a store goes when there is need for room; by then it is known that the row is to be deleted.
        if self.cache.is_none() {
            *self.rows.get_mut(row) = self.codec.blank();
            self.keys.remove(row);
        }
    }

    pub(crate) fn snapshot(&mut self, task: &TaskContext, to: &mut OperatorCapture) -> Result<(), StateError> {
        let Self { keys, rows, codec, section, cache } = self;
        let (section, info, now) = (*section, &task.info, task.clock.now());
        if let Some(cache) = cache {
            return cache.snapshot(&mut Rows { keys, rows, codec }, (section, info, now), to);
        }
        let (keys, rows, codec, groups) = (keys.freeze(), rows.freeze(), codec.clone(), info.key_groups());
        to.defer(move |to| {
            let entries = keys.encode(&rows, groups, |key, row, bytes| {
                // The rows of keys that are gone are blank.
                if !codec.is_written(row, now) {
                    return Ok(());
                }
                super::encode(key, bytes)?;
                codec.encode(row, now, bytes)
            })?;
            to.extend_keyed(section, entries);
            Ok(())
        });
        Ok(())
    }

    pub(crate) fn restore(&mut self, task: &TaskContext, from: &OperatorSnapshot) -> Result<(), StateError> {
        let (groups, now) = (task.info.key_groups(), task.clock.now());
        if task.stores.is_some() {
            self.open_store(task, Some(from))?;
            return self.cache.as_ref().map_or(Ok(()), |cache| cache.try_rows::<K, C>(&self.codec, now));
        }
        from.read_keyed(self.section, groups, |group, bytes| {
            let key: K = super::decode(bytes, "a key")?;
            let hash = stable_hash(&key);
            groups.check(group, hash)?;
            let row = self.find_or_load(hash, &key, now)?;
            self.codec.decode(self.rows.get_mut(row), now, bytes)
        })
    }
}
