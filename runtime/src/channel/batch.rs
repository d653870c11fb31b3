//! The unit in which records travel.
//!
//! A batch keeps its records by column: values, event times, and two optional columns that only some stretches of a
//! job need (key hashes behind a keyed exchange, source positions while the records are still in their source's
//! chain). A one-to-one operator so hands the other columns on without touching them.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::error::blame::{self, Site};
use crate::time::Timestamp;

/// Says where in the outside world a position of a split is.
type Place = Arc<dyn Fn(u64) -> String + Send + Sync>;

/// How many records a loop over small functions takes at once, which compilers do not do by themselves for functions
/// they cannot look into.
pub(super) const UNROLLED: usize = 4;

/// The split that a batch was read from.
#[derive(Clone)]
pub struct Origin {
    split: u32,
    name: Arc<str>,
    place: Place,
}

impl Origin {
    /// The split with this number among those that the subtask has read. `place` is asked only when something has
    /// gone wrong, and may do I/O.
    pub fn new(split: u32, name: Arc<str>, place: impl Fn(u64) -> String + Send + Sync + 'static) -> Self {
        Self { split, name, place: Arc::new(place) }
    }

    /// The split's number; watermarks are kept apart by it.
    pub fn split(&self) -> u32 {
        self.split
    }

    /// What a person calls the split: a file's path, a topic and partition.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where a position is, for a message: file and line, partition and offset.
    pub fn place(&self, position: u64) -> String {
        (self.place)(position)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.split == other.split && self.name == other.name
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").field("split", &self.split).field("name", &self.name).finish()
    }
}

/// A sequence of records on their way.
///
/// Invariant: each column other than the values is either empty or as long as the values.
#[derive(Debug, Clone)]
pub struct Batch<T> {
    pub(super) values: Vec<T>,
    /// Empty if no record has an event time.
    pub(super) times: Vec<Timestamp>,
    /// The keys' stable hashes; empty if not computed.
    pub(super) hashes: Vec<u64>,
    /// Positions within `origin`; empty if not known.
    pub(super) positions: Vec<u64>,
    origin: Option<Origin>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Batch<T> {
    /// An empty batch.
    pub const fn new() -> Self {
        Self { values: Vec::new(), times: Vec::new(), hashes: Vec::new(), positions: Vec::new(), origin: None }
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The records' values.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The records' values.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// The records' event times; empty if none has one.
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The event time of the record at `index`, or [`Timestamp::MIN`] if it has none.
    pub fn time(&self, index: usize) -> Timestamp {
        self.times.get(index).copied().unwrap_or(Timestamp::MIN)
    }

    /// The keys' hashes; empty if they have not been computed.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The split that all of the records were read from, if that is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Says which split all of the records were read from.
    pub fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }

    /// Appends a record without an event time.
    pub fn push(&mut self, value: T) {
        self.push_at(value, Timestamp::MIN);
    }

    /// Appends a record; [`Timestamp::MIN`] stands for "no event time".
    #[inline]
    pub fn push_at(&mut self, value: T, time: Timestamp) {
        if time.is_set() || !self.times.is_empty() {
            self.pad_times();
            self.times.push(time);
        }
        self.values.push(value);
    }

    /// Appends records without event times.
    #[inline]
    pub(crate) fn extend(&mut self, values: impl Iterator<Item = T>) {
        self.values.extend(values);
        self.positions.clear();
        if !self.times.is_empty() {
            self.pad_times();
        }
    }

    /// Appends a record together with its position within the batch's origin.
    #[inline]
    pub fn push_from(&mut self, value: T, time: Timestamp, position: Option<u64>) {
        if let Some(position) = position {
            // A record without a position cannot be told from its predecessor; all known ones come from one split.
            self.positions.resize(self.values.len(), position);
            self.positions.push(position);
        } else {
            self.positions.clear();
        }
        self.push_at(value, time);
    }

    /// Appends a record with its key's hash. All records of a batch have a hash, or none has.
    #[inline]
    pub fn push_hashed(&mut self, value: T, time: Timestamp, hash: u64) {
        self.hashes.push(hash);
        self.push_at(value, time);
    }

    /// Moves all records of `other` behind those of `self`.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            other.clear();
            return;
        }
        if !other.times.is_empty() || !self.times.is_empty() {
            self.pad_times();
            other.pad_times();
            self.times.append(&mut other.times);
        }
        let hashed = self.hashes.len() == self.len() && other.hashes.len() == other.len();
        append_or_forget(hashed, &mut self.hashes, &mut other.hashes);
        let placed =
            self.origin == other.origin && self.positions.len() == self.len() && other.positions.len() == other.len();
        append_or_forget(placed, &mut self.positions, &mut other.positions);
        if !placed {
            self.origin = None;
        }
        self.values.append(&mut other.values);
        other.clear();
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.times.clear();
        self.hashes.clear();
        self.positions.clear();
        self.origin = None;
    }

    /// Lets `fill` overwrite the column of event times from the values; it must leave one for each value.
    pub(crate) fn assign_times(&mut self, fill: impl FnOnce(&[T], &mut Vec<Timestamp>)) {
        let times = std::mem::take(&mut self.times);
        self.times = fill_column(self, times, |batch, times| fill(&batch.values, times));
        assert_eq!(self.times.len(), self.values.len(), "invariant: one event time per record");
    }

    /// Lets `fill` overwrite the column of hashes from the values; it must leave one for each value.
    pub(crate) fn assign_hashes(&mut self, fill: impl FnOnce(&[T], &mut Vec<u64>)) {
        let hashes = std::mem::take(&mut self.hashes);
        self.hashes = fill_column(self, hashes, |batch, hashes| fill(&batch.values, hashes));
        assert_eq!(self.hashes.len(), self.values.len(), "invariant: one hash per record");
    }

    /// Forgets the keys' hashes.
    pub(crate) fn forget_hashes(&mut self) {
        self.hashes.clear();
    }

    /// Forgets where the records were read, which only the source's chain may know.
    pub(crate) fn forget_origin(&mut self) {
        self.positions.clear();
        self.origin = None;
    }

    /// Takes records out from the front. Those not taken by the time the cursor is dropped stay in the batch.
    pub fn consume(&mut self) -> Consume<'_, T> {
        Consume::new(self)
    }

    /// Moves the records through `function` into `out`, which must be empty; all other columns move along as they are.
    pub(crate) fn map_into<U>(&mut self, out: &mut Batch<U>, mut function: impl FnMut(T) -> U) {
        debug_assert!(out.is_empty());
        out.values.reserve(self.len());
        {
            let mut records = self.consume();
            records.hand_on = true;
            let target = out.values.as_mut_ptr();
            let mut written = Written { values: &mut out.values, len: 0 };
            while records.remaining() >= UNROLLED {
                for _ in 0..UNROLLED {
                    // SAFETY: so many values are left.
                    let mapped = function(unsafe { records.take_next() });
                    // SAFETY: `reserve` made room for as many values as the cursor can yield; `len` counts them.
                    unsafe { target.add(written.len).write(mapped) };
                    written.len += 1;
                }
            }
            for value in &mut records {
                let mapped = function(value);
                // SAFETY: as above.
                unsafe { target.add(written.len).write(mapped) };
                written.len += 1;
            }
        }
        // The consumed prefix of the other columns is gone; it was everything, so hand over what is left of them.
        std::mem::swap(&mut self.times, &mut out.times);
        std::mem::swap(&mut self.hashes, &mut out.hashes);
        std::mem::swap(&mut self.positions, &mut out.positions);
        out.origin = self.origin.take();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.times.truncate(len);
        self.hashes.truncate(len);
        self.positions.truncate(len);
    }

    pub(super) fn pad_times(&mut self) {
        self.times.resize(self.values.len(), Timestamp::MIN);
    }

    /// What is known of the record at `index`, for an error message.
    pub(crate) fn site(&self, index: usize) -> Site {
        Site {
            event_time: self.time(index),
            origin: self.origin.clone(),
            position: self.positions.get(index).copied(),
            place: None,
        }
    }
}

/// Has `fill` overwrite a column, record by record. If it panics, the record that stands where the column ends is noted,
/// so that the job's error can name it.
pub(super) fn fill_column<T, C>(
    batch: &Batch<T>,
    mut column: Vec<C>,
    fill: impl FnOnce(&Batch<T>, &mut Vec<C>),
) -> Vec<C> {
    struct Filling<'a, T, C> {
        batch: &'a Batch<T>,
        column: &'a mut Vec<C>,
    }

    impl<T, C> Drop for Filling<'_, T, C> {
        fn drop(&mut self) {
            if std::thread::panicking() && self.column.len() < self.batch.len() {
                blame::note(self.batch.site(self.column.len()));
            }
        }
    }

    let filling = Filling { batch, column: &mut column };
    fill(batch, filling.column);
    drop(filling);
    column
}

fn append_or_forget(keep: bool, to: &mut Vec<u64>, from: &mut Vec<u64>) {
    if keep {
        to.append(from);
    } else {
        to.clear();
    }
}

/// Sets the length of a vector to what was written, also when unwinding.
struct Written<'a, U> {
    values: &'a mut Vec<U>,
    len: usize,
}

impl<U> Drop for Written<'_, U> {
    fn drop(&mut self) {
        // SAFETY: the first `len` values have been written, within the capacity.
        unsafe { self.values.set_len(self.len) };
    }
}

/// Takes the records of a batch one by one; made by [`Batch::consume`].
///
/// Dropped early, it leaves the records not yet taken in the batch. Dropped by a panic, it notes the record that was
/// being worked on, so that the job's error can name it.
pub struct Consume<'a, T> {
    pub(super) batch: &'a mut Batch<T>,
    /// The next value to take.
    pub(super) next: usize,
    len: usize,
    /// Whether the other columns are to stay when all values have been taken.
    hand_on: bool,
}

impl<'a, T> Consume<'a, T> {
    fn new(batch: &'a mut Batch<T>) -> Self {
        let len = batch.values.len();
        // SAFETY: shortening; from here on this cursor alone owns the values, and `drop` gives back what is left.
        unsafe { batch.values.set_len(0) };
        Self { batch, next: 0, len, hand_on: false }
    }

    /// The next value.
    #[inline]
    pub fn next_value(&mut self) -> Option<T> {
        if self.next == self.len {
            return None;
        }
        // SAFETY: there is a next value.
        Some(unsafe { self.take_next() })
    }

    /// The next value.
    ///
    /// # Safety
    /// There must be one.
    #[inline(always)]
    unsafe fn take_next(&mut self) -> T {
        let index = self.next;
        self.next += 1;
        // SAFETY: `index < len` by the caller's promise, and each index is read only once.
        unsafe { self.batch.values.as_ptr().add(index).read() }
    }

    /// Puts the value last taken back, or another in its place: it is the next to be taken, or stays in the batch.
    pub(crate) fn put_back(&mut self, value: T) {
        self.next = self.next.checked_sub(1).expect("invariant: a value has been taken");
        // SAFETY: the value at this index has been read, and the memory is still the batch's.
        unsafe { self.batch.values.as_mut_ptr().add(self.next).write(value) };
    }

    /// How many records are left.
    pub fn remaining(&self) -> usize {
        self.len - self.next
    }

    /// The index, from where the cursor began, of the record last taken.
    #[inline]
    pub fn index(&self) -> usize {
        self.next.wrapping_sub(1)
    }

    /// The event time of the record last taken, or [`Timestamp::MIN`].
    #[inline]
    pub fn time(&self) -> Timestamp {
        self.batch.time(self.index())
    }

    /// The hash of the key of the record last taken; zero if it was not computed.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.batch.hashes.get(self.index()).copied().unwrap_or(0)
    }

    /// The position, within the batch's origin, of the record last taken.
    #[inline]
    pub fn position(&self) -> Option<u64> {
        self.batch.positions.get(self.index()).copied()
    }

    /// The split of the records.
    pub fn origin(&self) -> Option<&Origin> {
        self.batch.origin.as_ref()
    }

    /// What is known of the record last taken, for an error message.
    pub(crate) fn site(&self) -> Site {
        self.batch.site(self.index())
    }
}

impl<T> Iterator for Consume<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.next_value()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining(), Some(self.remaining()))
    }
}

impl<T> Drop for Consume<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && self.next > 0 {
            blame::note(self.site());
        }
        let rest = self.len - self.next;
        let values = &mut ManuallyDrop::new(&mut self.batch.values);
        if rest > 0 {
            // SAFETY: values `next..len` have not been read; they move to the front, which has been read.
            unsafe {
                let start = values.as_mut_ptr();
                std::ptr::copy(start.add(self.next), start, rest);
                values.set_len(rest);
            }
            drain_front(&mut self.batch.times, self.next);
            drain_front(&mut self.batch.hashes, self.next);
            drain_front(&mut self.batch.positions, self.next);
        } else if !self.hand_on {
            self.batch.clear();
        }
    }
}

fn drain_front<C>(column: &mut Vec<C>, count: usize) {
    column.drain(..count.min(column.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(values: &[u64]) -> Batch<u64> {
        let mut batch = Batch::new();
        for &value in values {
            batch.push_from(value, Timestamp::from_millis(value as i64), Some(value));
        }
        batch
    }

    #[test]
    fn what_is_not_consumed_stays() {
        let mut batch = timed(&[1, 2, 3, 4]);
        assert_eq!(batch.consume().take(3).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(batch.values(), [4]);
        assert_eq!(batch.times(), [Timestamp::from_millis(4)]);
        assert_eq!(batch.site(0).position, Some(4));
        batch.consume().for_each(drop);
        assert!(batch.is_empty() && batch.times().is_empty());
    }

    #[test]
    fn what_is_put_back_stays_too() {
        let mut batch = timed(&[1, 2, 3]);
        let mut records = batch.consume();
        records.next_value();
        let second = records.next_value().unwrap();
        records.put_back(second * 10);
        assert_eq!((records.remaining(), records.next_value()), (2, Some(20)));
        records.put_back(30);
        drop(records);
        assert_eq!((batch.values(), batch.times()[0]), (&[30, 3][..], Timestamp::from_millis(2)));
    }

    #[test]
    fn a_cursor_that_is_dropped_early_drops_each_value_once() {
        let token = Arc::new(());
        let mut batch = Batch::new();
        for _ in 0..5 {
            batch.push(Arc::clone(&token));
        }
        batch.consume().take(2).for_each(drop);
        assert_eq!(Arc::strong_count(&token), 4);
        drop(batch);
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn map_and_retain_keep_the_columns_in_step() {
        let mut batch = timed(&[1, 2, 3, 4, 5]);
        batch.retain(|value| value % 2 == 1);
        let mut mapped = Batch::new();
        batch.map_into(&mut mapped, |value| value.to_string());
        assert!(batch.is_empty() && batch.times().is_empty());
        assert_eq!(mapped.values(), ["1", "3", "5"]);
        assert_eq!(mapped.time(2), Timestamp::from_millis(5));
        assert_eq!(mapped.site(1).position, Some(3));
    }

    #[test]
    fn records_without_event_time_may_stand_beside_records_with_one() {
        let mut batch = Batch::new();
        batch.push(1);
        batch.push_at(2, Timestamp::from_millis(7));
        let mut more = Batch::new();
        more.push(3);
        batch.append(&mut more);
        assert_eq!(batch.times(), [Timestamp::MIN, Timestamp::from_millis(7), Timestamp::MIN]);
    }

    #[test]
    fn a_panic_names_the_record_and_keeps_the_rest() {
        let mut batch = timed(&[1, 2, 3]);
        let mut out = Batch::new();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            batch.map_into(&mut out, |value| assert_ne!(value, 2));
        }));
        assert!(caught.is_err());
        assert_eq!(blame::take().site.position, Some(2));
        assert_eq!(batch.values(), [3]);
    }
}
