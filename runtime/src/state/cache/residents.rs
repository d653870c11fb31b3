//! Which rows are in memory, which of them have changed, and which have been used lately.
//!
//! Rows go by number. A row that has been used is passed over once by the hand of a clock before it has to go.

use crate::state::RowId;

const RESIDENT: u8 = 1;
const DIRTY: u8 = 2;
const USED: u8 = 4;

/// The rows in memory.
#[derive(Debug, Default)]
pub(super) struct Residents {
    /// By number; zero for a number that stands for no row.
    flags: Vec<u8>,
    count: usize,
    dirty: usize,
    /// The next row to be asked to go.
    hand: usize,
    /// The next row to be written back.
    write_hand: usize,
}

impl Residents {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many rows differ from what is stored.
    pub(super) fn dirty(&self) -> usize {
        self.dirty
    }

    /// Has numbers below `len`.
    pub(super) fn grow_to(&mut self, len: usize) {
        if self.flags.len() < len {
            self.flags.resize(len, 0);
        }
    }

    /// The row will be changed. Answers whether it is new here, and so has to be loaded.
    #[inline]
    pub(super) fn touch(&mut self, row: RowId) -> bool {
        let flags = &mut self.flags[row as usize];
        let before = *flags;
        *flags = RESIDENT | DIRTY | USED;
        self.dirty += usize::from(before & DIRTY == 0);
        self.count += usize::from(before & RESIDENT == 0);
        before & RESIDENT == 0
    }

    /// The row will go; answers whether it has to be written first.
    pub(super) fn remove(&mut self, row: RowId) -> bool {
        let flags = std::mem::take(&mut self.flags[row as usize]);
        let was_dirty = flags & DIRTY != 0;
        self.count -= usize::from(flags & RESIDENT != 0);
        self.dirty -= usize::from(was_dirty);
        was_dirty
    }

    /// Up to `count` rows that have not been used since the hand passed them last.
    pub(super) fn victims(&mut self, count: usize) -> Vec<RowId> {
        let mut victims = Vec::with_capacity(count);
        // After one round no row has been used any more.
        for _ in 0..2 * self.flags.len() {
            if victims.len() >= count {
                break;
            }
            self.hand = (self.hand + 1) % self.flags.len();
            let flags = &mut self.flags[self.hand];
            if *flags & USED != 0 {
                *flags &= !USED;
            } else if *flags & RESIDENT != 0 {
                victims.push(self.hand as RowId);
            }
        }
        victims.sort_unstable();
        victims.dedup();
        victims
    }

    /// Up to `count` rows that have changed, which count as written from now on.
    pub(super) fn take_dirty(&mut self, count: usize) -> Vec<RowId> {
        let mut rows = Vec::with_capacity(count.min(self.dirty));
        for _ in 0..self.flags.len() {
            if rows.len() >= count || self.dirty == 0 {
                break;
            }
            self.write_hand = (self.write_hand + 1) % self.flags.len();
            let flags = &mut self.flags[self.write_hand];
            if *flags & DIRTY != 0 {
                *flags &= !DIRTY;
                self.dirty -= 1;
                rows.push(self.write_hand as RowId);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: impl IntoIterator<Item = RowId>) -> Residents {
        let mut residents = Residents::default();
        residents.grow_to(8);
        rows.into_iter().for_each(|row| assert!(residents.touch(row)));
        residents
    }

    #[test]
    fn a_row_that_was_used_since_the_hand_came_by_stays() {
        let mut residents = of(0..8);
        assert_eq!(residents.victims(2), [1, 2], "all have been used, and the first to be passed go first");
        assert!(!residents.touch(4));
        residents.remove(1);
        residents.remove(2);
        assert_eq!(residents.victims(2), [3, 5]);
    }

    #[test]
    fn no_row_is_named_twice_if_there_are_not_enough() {
        let mut residents = of([3, 5]);
        assert_eq!(residents.victims(6), [3, 5]);
    }

    #[test]
    fn dirty_rows_are_taken_once_until_they_are_touched_again() {
        let mut residents = of([1, 2, 5]);
        assert_eq!(residents.take_dirty(2), [1, 2]);
        assert!(!residents.touch(2));
        assert_eq!(residents.dirty(), 2);
        assert_eq!(residents.take_dirty(9), [5, 2]);
        assert!(residents.take_dirty(9).is_empty());
        assert_eq!((residents.count(), residents.dirty()), (3, 0));
    }

    #[test]
    fn a_row_that_has_gone_is_new_when_it_comes_back() {
        let mut residents = of([1]);
        assert!(residents.remove(1), "it has been changed");
        assert_eq!((residents.count(), residents.dirty()), (0, 0));
        assert!(residents.touch(1));
    }
}
