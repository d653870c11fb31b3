//! Filtering a batch in place.

use super::Batch;
use super::batch::UNROLLED;
use crate::error::blame;

impl<T> Batch<T> {
    /// Keeps the records for which `keep` holds.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let plain = self.times.is_empty() && self.hashes.is_empty() && self.positions.is_empty();
        let mut sift = Sift { values: self.values.as_mut_ptr(), next: 0, kept: 0, len: self.len(), batch: self };
        if plain {
            while sift.len - sift.next >= UNROLLED {
                // SAFETY: so many records have not been judged.
                (0..UNROLLED).for_each(|_| unsafe { sift.judge(&mut keep) });
            }
        }
        while sift.next < sift.len {
            let (next, kept) = (sift.next, sift.kept);
            // SAFETY: `next` has not been judged.
            unsafe { sift.judge(&mut keep) };
            if !plain && sift.kept > kept {
                sift.move_columns(next, kept);
            }
        }
    }
}

/// A batch being filtered: what is kept stands in front, in order.
///
/// Dropped, it cuts off what was not kept; dropped by a panic, it notes the record that was being looked at.
///
/// Invariant: `kept <= next <= len`, and `values` are the batch's, `len` of them.
struct Sift<'a, T> {
    batch: &'a mut Batch<T>,
    values: *mut T,
    /// The record to be judged next.
    next: usize,
    /// How many of those before it are kept.
    kept: usize,
    len: usize,
}

impl<T> Sift<'_, T> {
    /// Judges a record and moves on. Without a branch on the answer, which may be hard to predict.
    ///
    /// # Safety
    /// There must be a record that has not been judged: `next < len`.
    #[inline(always)]
    unsafe fn judge(&mut self, keep: &mut impl FnMut(&T) -> bool) {
        // SAFETY: both are indexes of the batch's values, by the invariant and the caller's promise.
        let (judged, front) = unsafe { (self.values.add(self.next), self.values.add(self.kept)) };
        // SAFETY: the value is initialized, and nothing else refers to it.
        let holds = keep(unsafe { &*judged });
        if std::mem::needs_drop::<T>() {
            // SAFETY: both are initialized; they may be the same.
            unsafe { std::ptr::swap(judged, front) };
        } else {
            // SAFETY: the value in front has been copied further to the front or is not kept, and needs no dropping,
            // so it may be overwritten. The two may be the same.
            unsafe { std::ptr::copy(judged, front, 1) };
        }
        self.kept += usize::from(holds);
        self.next += 1;
    }

    /// Moves the other columns of a record that is kept.
    fn move_columns(&mut self, from: usize, to: usize) {
        move_within(&mut self.batch.times, from, to);
        move_within(&mut self.batch.hashes, from, to);
        move_within(&mut self.batch.positions, from, to);
    }
}

impl<T> Drop for Sift<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            blame::note(self.batch.site(self.next));
        }
        self.batch.truncate(self.kept);
    }
}

fn move_within<C: Copy>(column: &mut [C], from: usize, to: usize) {
    if !column.is_empty() {
        column[to] = column[from];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn timed(values: impl IntoIterator<Item = u64>) -> Batch<u64> {
        let mut batch = Batch::new();
        for value in values {
            batch.push_from(value, Timestamp::from_millis(value as i64), Some(value));
        }
        batch
    }

    #[test]
    fn what_is_kept_stays_in_order_with_its_columns() {
        for len in 0..20 {
            let mut batch = timed(0..len);
            batch.retain(|value| value % 3 == 1);
            let expected: Vec<u64> = (0..len).filter(|value| value % 3 == 1).collect();
            assert_eq!(batch.values(), expected);
            for (at, value) in expected.iter().enumerate() {
                assert_eq!(batch.time(at), Timestamp::from_millis(*value as i64));
                assert_eq!(batch.site(at).position, Some(*value));
            }
        }
    }

    #[test]
    fn values_without_columns_are_filtered_alike_with_and_without_drop() {
        let mut plain = Batch::new();
        let mut owned = Batch::new();
        for value in 0..11u64 {
            plain.push(value);
            owned.push(value.to_string());
        }
        plain.retain(|value| value % 2 == 0);
        owned.retain(|value| value.parse::<u64>().unwrap() % 2 == 0);
        assert_eq!(plain.values(), [0, 2, 4, 6, 8, 10]);
        assert_eq!(owned.values(), ["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn a_panic_names_the_record_and_keeps_what_was_kept() {
        let mut batch = timed(0..6);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            batch.retain(|value| {
                assert_ne!(*value, 4);
                value % 2 == 1
            });
        }));
        assert!(caught.is_err());
        assert_eq!(blame::take().site.position, Some(4));
        assert_eq!(batch.values(), [1, 3]);
    }
}
