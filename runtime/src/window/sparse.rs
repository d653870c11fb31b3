//! A table over row numbers of which few are used.
//!
//! A map says where an entry stands; the entries stand in pages, so that they can be frozen.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::state::{Frozen, Pages, RowId};

/// Spreads row numbers over a map's buckets; they come from no adversary.
#[derive(Debug, Default, Clone)]
struct RowHasher(u64);

impl Hasher for RowHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u32(&mut self, row: u32) {
        self.0 = (self.0 ^ u64::from(row)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A row with what is kept for it; `None` once that was taken out.
type Entry<A> = (RowId, Option<A>);

/// A map by row number.
#[derive(Debug)]
pub(super) struct SparseRows<A> {
    /// The index of each row's entry.
    places: HashMap<RowId, u32, BuildHasherDefault<RowHasher>>,
    entries: Pages<Entry<A>>,
    /// Entries that were taken out.
    free: Vec<u32>,
}

impl<A> Default for SparseRows<A> {
    fn default() -> Self {
        Self { places: HashMap::default(), entries: Pages::default(), free: Vec::new() }
    }
}

impl<A: Clone> SparseRows<A> {
    pub(super) fn get(&self, row: RowId) -> Option<&A> {
        self.entries.get(*self.places.get(&row)?).1.as_ref()
    }

    pub(super) fn get_mut(&mut self, row: RowId) -> Option<&mut A> {
        self.entries.get_mut(*self.places.get(&row)?).1.as_mut()
    }

    /// Puts a row in that is not there.
    pub(super) fn insert(&mut self, row: RowId, acc: A) {
        let entry = (row, Some(acc));
        let place = match self.free.pop() {
            Some(place) => {
                *self.entries.get_mut(place) = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.places.insert(row, place);
    }

    /// Takes a row out.
    pub(super) fn take(&mut self, row: RowId) -> Option<A> {
        let place = self.places.remove(&row)?;
        self.free.push(place);
        self.entries.get_mut(place).1.take()
    }

    /// The rows, in no order.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowId> {
        self.places.keys().copied()
    }

    /// Whether a frozen version is still being read.
    pub(super) fn is_frozen(&self) -> bool {
        self.entries.is_frozen()
    }

    /// All entries as they are now.
    pub(super) fn freeze(&mut self) -> Frozen<Entry<A>> {
        self.entries.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_row_that_was_taken_out_is_used_again() {
        let mut rows = SparseRows::default();
        for row in 0..1000 {
            rows.insert(row, row + 1);
            assert_eq!(rows.get(row), Some(&(row + 1)));
            assert_eq!(rows.take(row), Some(row + 1));
            assert_eq!(rows.get(row), None);
        }
        assert_eq!(rows.entries.len(), 1);
    }
}
