//! Rows in memory in front of a store that holds all of them.
//!
//! * Every key with a number has its row here, loaded or new; keys that have none are in the store, or nowhere.
//! * The rows that a batch needs are loaded at once, before the batch is worked on, and stay until it is done.
//! * A row counts as changed whenever it is used. Changed rows are written back when they have to go, and when they become
//!   too many, so that little is left for a barrier.
//! * At a barrier the rows are frozen. The changed ones are written by whoever completes the snapshot ([`Behind`]); until
//!   then the store is only read, and no row goes.
//! * What has piled up meanwhile goes little by little, as new rows come, so that no batch waits for all of it.

mod behind;
mod residents;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use behind::Behind;
use residents::Residents;

use super::store::{RowChanges, RowStore, encode_key, user_key};
use super::{
    Frozen, FrozenKeys, KeyGroup, KeyGroups, KeyIndex, OperatorCapture, Pages, RowCodec, RowId, StateError, decode,
};
use crate::data::Key;
use crate::operator::TaskInfo;
use crate::time::Timestamp;

/// So many bytes of changes are written to a store at once.
const WRITE_BYTES: usize = 1 << 20;

/// How many rows go at least, so that looking for them and writing them is worth while.
const MIN_VICTIMS: usize = 64;

/// So many rows of what is restored are looked at before the first record comes.
const TRIED_ROWS: usize = 64;

/// What a row takes beside its key, its value and what they hold elsewhere: its number's place in the tables.
const ROW_OVERHEAD: usize = 32;

/// Which of an operator's rows are in memory, and the store that holds all.
pub(crate) struct RowCache {
    store: Arc<dyn RowStore>,
    groups: KeyGroups,
    residents: Residents,
    /// So many bytes are to be held.
    limit_bytes: usize,
    /// How many rows have been loaded or changed since there was room made.
    touched: usize,
    /// What rows take in the store, on average of late.
    encoded_bytes: f64,
    /// What the last barrier has left behind.
    behind: Option<Arc<Behind>>,
}

/// The rows of an operator in memory, by the numbers of their keys.
pub(crate) struct Rows<'a, K, C: RowCodec> {
    pub(crate) keys: &'a mut KeyIndex<K>,
    pub(crate) rows: &'a mut Pages<C::Row>,
    pub(crate) codec: &'a C,
}

impl RowCache {
    pub(crate) fn new(store: Arc<dyn RowStore>, groups: KeyGroups, limit_bytes: usize) -> Self {
        let residents = Residents::default();
        Self { store, groups, residents, limit_bytes, touched: 0, encoded_bytes: 0.0, behind: None }
    }

    /// Whether no snapshot has still to take what is in the store.
    pub(crate) fn is_captured(&self) -> bool {
        self.behind.as_ref().is_none_or(|behind| behind.is_taken())
    }

    /// Has rows that were not used lately go if there are too many, and writes some back. Not while numbers are in use.
    pub(crate) fn make_room<K: Key, C: RowCodec>(
        &mut self,
        of: &mut Rows<'_, K, C>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let limit = self.limit::<K, C>();
        // Twice as many go as have come, so that there will be room.
        let most = (2 * std::mem::take(&mut self.touched)).max(MIN_VICTIMS);
        if self.residents.count() <= limit && self.residents.dirty() <= limit / 2 {
            return Ok(());
        }
        if let Some(behind) = &self.behind {
            if !behind.is_taken() {
                if self.residents.count() <= 2 * limit {
                    return Ok(());
                }
                behind.finish()?;
            }
            self.behind = None;
        }
        let too_dirty = self.residents.dirty().saturating_sub(limit / 2);
        let dirty = self.residents.take_dirty(too_dirty.min(most));
        self.write(of, dirty, now)?;
        if self.residents.count() > limit {
            self.evict(of, (self.residents.count() - limit).clamp(MIN_VICTIMS, most), now)?;
        }
        Ok(())
    }

    /// Sees to it that the rows of some numbers are there, which will be used; new ones are blank.
    pub(crate) fn load<K: Key, C: RowCodec>(
        &mut self,
        of: &mut Rows<'_, K, C>,
        numbers: &[RowId],
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.residents.grow_to(of.keys.row_count());
        self.touched += numbers.len();
        let mut missing = numbers.iter().copied().filter(|row| self.residents.touch(*row)).peekable();
        if missing.peek().is_none() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut wanted = Vec::new();
        for row in missing {
            let start = bytes.len();
            encode_key(self.groups.group_of(of.keys.hash(row)), of.keys.key(row), &mut bytes)?;
            wanted.push((start..bytes.len(), row));
        }
        wanted.sort_unstable_by(|(a, _), (b, _)| bytes[a.clone()].cmp(&bytes[b.clone()]));
        let keys: Vec<&[u8]> = wanted.iter().map(|(range, _)| &bytes[range.clone()]).collect();
        let (mut found, mut found_bytes) = (0, 0);
        self.store.get_many(&keys, &mut |place, mut row| {
            found += 1;
            found_bytes += row.len();
            of.codec.decode(of.rows.get_mut(wanted[place].1), now, &mut row)
        })?;
        self.weigh(found, found_bytes);
        Ok(())
    }

    /// Writes back all that has changed, so that the store has every key with a row.
    pub(crate) fn write_back<K: Key, C: RowCodec>(
        &mut self,
        of: &Rows<'_, K, C>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        if let Some(behind) = self.behind.take().filter(|behind| !behind.is_taken()) {
            behind.finish()?;
        }
        let dirty = self.residents.take_dirty(usize::MAX);
        self.write(of, dirty, now)
    }

    /// Up to `limit` keys with rows above `after`, in order, as far as the store has been written.
    pub(crate) fn keys_after(&self, after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StateError> {
        self.store.keys_after(self.groups, after, limit)
    }

    /// Reads a few rows as the types have it now, so that what does not fit is told before any record comes.
    pub(crate) fn try_rows<K: Key, C: RowCodec>(&self, codec: &C, now: Timestamp) -> Result<(), StateError> {
        let found = self.store.keys_after(self.groups, &[], TRIED_ROWS)?;
        found.iter().try_for_each(|key| decode::<K>(&mut user_key(key), "a key").map(drop))?;
        let keys: Vec<&[u8]> = found.iter().map(Vec::as_slice).collect();
        self.store.get_many(&keys, &mut |_, mut row| codec.decode(&mut codec.blank(), now, &mut row))
    }

    /// Captures everything as it is now.
    pub(crate) fn snapshot<K: Key, C: RowCodec>(
        &mut self,
        of: &mut Rows<'_, K, C>,
        (section, info, now): (&'static str, &TaskInfo, Timestamp),
        to: &mut OperatorCapture,
    ) -> Result<(), StateError> {
        if let Some(behind) = self.behind.take().filter(|behind| !behind.is_taken()) {
            behind.finish()?;
        }
        let changed = self.residents.take_dirty(usize::MAX);
        let frozen = Changed { keys: of.keys.freeze(), rows: of.rows.freeze(), codec: of.codec.clone(), changed, now };
        let (store, groups, info, canonical) = (Arc::clone(&self.store), self.groups, info.clone(), to.is_canonical());
        let behind = Arc::new(Behind::new(Box::new(move |taken| {
            frozen.write(&*store, groups)?;
            let mut capture = OperatorCapture::new(canonical);
            store.capture(section, &info, &|row, to| frozen.rewrite(row, to), taken, &mut capture)?;
            Ok(capture)
        })));
        self.behind = Some(Arc::clone(&behind));
        to.defer(move |to| {
            to.append(behind.complete()?);
            Ok(())
        });
        Ok(())
    }

    /// How many rows fit.
    fn limit<K, C: RowCodec>(&self) -> usize {
        let fixed = size_of::<K>() + size_of::<C::Row>() + ROW_OVERHEAD;
        self.limit_bytes / (fixed + self.encoded_bytes as usize)
    }

    fn weigh(&mut self, rows: usize, bytes: usize) {
        if rows > 0 {
            let weight = (rows as f64 / 1024.0).min(1.0);
            self.encoded_bytes += weight * (bytes as f64 / rows as f64 - self.encoded_bytes);
        }
    }

    fn evict<K: Key, C: RowCodec>(
        &mut self,
        of: &mut Rows<'_, K, C>,
        count: usize,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let victims = self.residents.victims(count);
        let dirty = victims.iter().copied().filter(|row| self.residents.remove(*row)).collect();
        self.write(of, dirty, now)?;
        for row in victims {
            *of.rows.get_mut(row) = of.codec.blank();
            of.keys.remove(row);
        }
        Ok(())
    }

    fn write<K: Key, C: RowCodec>(
        &mut self,
        of: &Rows<'_, K, C>,
        rows: Vec<RowId>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let (keys, groups) = (&*of.keys, self.groups);
        let of_row = |row| (groups.group_of(keys.hash(row)), keys.key(row), of.rows.get(row));
        let written = write(&*self.store, (of.codec, now), rows.into_iter().map(of_row))?;
        self.weigh(written.rows, written.bytes);
        Ok(())
    }
}

/// The rows that had changed at a barrier.
struct Changed<K, C: RowCodec> {
    keys: FrozenKeys<K>,
    rows: Frozen<C::Row>,
    codec: C,
    changed: Vec<RowId>,
    /// When the barrier came.
    now: Timestamp,
}

impl<K: Key, C: RowCodec> Changed<K, C> {
    fn write(&self, store: &dyn RowStore, groups: KeyGroups) -> Result<(), StateError> {
        let of_row = |row| (groups.group_of(self.keys.hash(row)), self.keys.key(row), self.rows.get(row));
        write(store, (&self.codec, self.now), self.changed.iter().copied().map(of_row)).map(|_| ())
    }

    /// Writes a row of the store as it is written now.
    fn rewrite(&self, mut row: &[u8], to: &mut Vec<u8>) -> Result<(), StateError> {
        let mut read = self.codec.blank();
        self.codec.decode(&mut read, self.now, &mut row)?;
        if self.codec.is_written(&read, self.now) { self.codec.encode(&read, self.now, to) } else { Ok(()) }
    }
}

/// How much was written.
#[derive(Default)]
struct Written {
    rows: usize,
    bytes: usize,
}

/// Writes rows to a store; those that hold nothing are deleted.
fn write<'a, K: Key, C: RowCodec>(
    store: &dyn RowStore,
    (codec, now): (&C, Timestamp),
    rows: impl Iterator<Item = (KeyGroup, &'a K, &'a C::Row)>,
) -> Result<Written, StateError> {
    let (mut written, mut changes) = (Written::default(), RowChanges::default());
    let mut flush = |changes: &mut RowChanges| {
        written.rows += changes.len();
        written.bytes += changes.bytes();
        changes.sort();
        store.write(changes)?;
        changes.clear();
        Ok(())
    };
    for (group, key, row) in rows {
        let write_row = |to: &mut Vec<u8>| if codec.is_written(row, now) { codec.encode(row, now, to) } else { Ok(()) };
        changes.add(|to| encode_key(group, key, to), write_row)?;
        if changes.bytes() >= WRITE_BYTES {
            flush(&mut changes)?;
        }
    }
    if changes.len() > 0 {
        flush(&mut changes)?;
    }
    Ok(written)
}
