//! The records of one key on one side of a join, in order of time.
//!
//! What always holds: entries are ordered by time, those of equal times by arrival. They stand in a ring, so that those
//! that can meet nobody any more go one by one from the front, and never move the others. They go when the other side looks
//! for whom it meets, which begins in front anyway, and when there is no room for a new one; so the ring grows only with
//! what may still meet others, and a record's own side need not look at its front.

use std::collections::VecDeque;

use crate::data::Data;
use crate::state::{State, StateError, Ttl, decode, encode, prefetch};
use crate::time::Timestamp;

/// So many entries may stay allocated whatever is needed.
const SMALL: usize = 32;

/// So many lines at most are brought into the cache ahead of their use, since processors wait for no more at a time.
const MOST_LINES: usize = 16;

/// So many entries are looked at one by one before the others are searched.
const NEAR: usize = 8;

/// Records with their event times in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct TimeBuffer<T> {
    entries: VecDeque<(i64, T)>,
}

impl<T> Default for TimeBuffer<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<T> TimeBuffer<T> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a record: at the end, unless it comes out of order. If there is no room for it, the records before `alive` go.
    #[inline]
    pub(crate) fn insert(&mut self, time: i64, value: T, alive: i64) {
        if self.entries.len() == self.entries.capacity() {
            self.make_room(alive);
        }
        match self.entries.back() {
            Some((last, _)) if *last > time => {
                let place = self.entries.partition_point(|(other, _)| *other <= time);
                self.entries.insert(place, (time, value));
            }
            _ => self.entries.push_back((time, value)),
        }
    }

    #[cold]
    fn make_room(&mut self, alive: i64) {
        self.drop_before(alive);
        if self.entries.len() == self.entries.capacity() {
            // Twice as much would leave the half of many small rings unused.
            self.entries.reserve_exact((self.entries.len() / 2).max(4));
        }
    }

    /// The number of records before `time`.
    #[inline]
    pub(crate) fn rank(&self, time: i64) -> usize {
        // It is nearly in front as a rule, since what is over goes; and what comes next will be looked at anyway.
        let near = self.entries.iter().take(NEAR).take_while(|(other, _)| *other < time).count();
        if near < NEAR { near } else { self.entries.partition_point(|(other, _)| *other < time) }
    }

    /// The records in order of time but for the first few.
    #[inline]
    pub(crate) fn skip(&self, count: usize) -> impl Iterator<Item = &(i64, T)> {
        // The ring has its seam somewhere.
        let (front, back) = self.entries.as_slices();
        let (front, back): (_, &[_]) = match front.get(count..) {
            Some(front) => (front, back),
            None => (&back[count - front.len()..], &[]),
        };
        front.iter().chain(back)
    }

    /// The time of the first record.
    #[inline]
    pub(crate) fn first_time(&self) -> Option<i64> {
        self.entries.front().map(|(time, _)| *time)
    }

    /// The last record with its time.
    #[inline]
    pub(crate) fn last(&self) -> Option<(i64, &T)> {
        self.entries.back().map(|(time, value)| (*time, value))
    }

    /// The last record that is not after `time`, with its time.
    #[inline]
    pub(crate) fn last_until(&self, time: i64) -> Option<(i64, &T)> {
        let count = self.rank(time.saturating_add(1));
        let (time, value) = self.entries.get(count.checked_sub(1)?)?;
        Some((*time, value))
    }

    /// Takes out the first record with its time.
    #[inline]
    pub(crate) fn pop_first(&mut self) -> Option<(i64, T)> {
        let first = self.entries.pop_front();
        self.shrink_if_sparse();
        first
    }

    /// Removes the first few records.
    pub(crate) fn drop_first(&mut self, count: usize) {
        self.entries.drain(..count);
        self.shrink_if_sparse();
    }

    /// Whether any record is at or after `time`.
    #[inline]
    pub(crate) fn reaches(&self, time: i64) -> bool {
        self.entries.back().is_some_and(|(last, _)| *last >= time)
    }

    /// Whether at least half of the records are before `time`.
    #[inline]
    pub(crate) fn is_stale(&self, time: i64) -> bool {
        self.entries.get(self.entries.len() / 2).is_some_and(|(middle, _)| *middle < time)
    }

    /// Removes the records before `time`.
    #[inline]
    pub(crate) fn drop_before(&mut self, time: i64) {
        while self.entries.front().is_some_and(|(front, _)| *front < time) {
            self.entries.pop_front();
        }
        self.shrink_if_sparse();
    }

    /// A burst must not keep its memory for ever.
    #[inline]
    fn shrink_if_sparse(&mut self) {
        if self.entries.capacity() / 4 > self.entries.len().max(SMALL) {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.entries.shrink_to(self.entries.len() * 2);
    }

    /// Starts to bring what a record of the other side will look at into the cache.
    #[inline]
    pub(crate) fn prefetch_front(&self) {
        let (front, back) = self.entries.as_slices();
        let lines = prefetch_lines(front, MOST_LINES);
        prefetch_lines(back, MOST_LINES - lines);
    }

    /// Starts to bring the place where a record will be added into the cache, and the last record, whose time is looked at.
    #[inline]
    pub(crate) fn prefetch_back(&self) {
        let ((last, []) | (_, last)) = self.entries.as_slices();
        let end = last.as_ptr().wrapping_add(last.len());
        prefetch(end.wrapping_sub(1));
        prefetch(end);
    }
}

/// Starts to bring so many lines at most into the cache; answers how many.
#[inline]
fn prefetch_lines<T>(values: &[T], most: usize) -> usize {
    const LINE_BYTES: usize = 64;
    let lines = size_of_val(values).div_ceil(LINE_BYTES).min(most);
    for line in 0..lines {
        prefetch(values.as_ptr().wrapping_byte_add(line * LINE_BYTES));
    }
    lines
}

impl<T: Data> State for TimeBuffer<T> {
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }

    /// Goes by event time alone.
    fn set_ttl(&mut self, _ttl: Option<Ttl>) {}

    fn set_now(&mut self, _now: Timestamp) {}

    fn has_expired(&self, _now: Timestamp) -> bool {
        false
    }

    fn remove_expired(&mut self, _now: Timestamp) {}

    fn is_written(&self, _now: Timestamp) -> bool {
        !self.is_empty()
    }

    fn encode(&self, _now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        let last = self.entries.back().map(|(time, _)| *time);
        encode(&(last, &self.entries), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let (_, entries): (Option<i64>, VecDeque<(i64, T)>) =
            decode(from, "the records of a side").map_err(|error| error.within_tuple(1))?;
        self.entries = entries;
        Ok(())
    }

    /// The time of the last record.
    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        let (last, _): (Option<i64>, serde::de::IgnoredAny) = decode(from, "the records of a side")?;
        Ok(last.map(Timestamp::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = i64>) -> TimeBuffer<i64> {
        let mut buffer = TimeBuffer::default();
        times.into_iter().for_each(|time| buffer.insert(time, time, i64::MIN));
        buffer
    }

    fn times<T>(buffer: &TimeBuffer<T>, skipped: usize) -> Vec<i64> {
        buffer.skip(skipped).map(|(time, _)| *time).collect()
    }

    #[test]
    fn records_out_of_order_stand_in_order_and_equal_ones_as_they_came() {
        let mut buffer = TimeBuffer::default();
        for (number, time) in [5, 3, 5, 9, 3].into_iter().enumerate() {
            buffer.insert(time, number, i64::MIN);
        }
        assert_eq!(buffer.entries, [(3, 1), (3, 4), (5, 0), (5, 2), (9, 3)]);
        assert_eq!([2, 3, 4, 5, 6, 9, 10].map(|time| buffer.rank(time)), [0, 0, 2, 2, 4, 4, 5]);
    }

    #[test]
    fn a_record_is_found_however_many_are_before_it_and_wherever_the_ring_has_its_seam() {
        for dropped in 0..40 {
            let mut buffer = of(0..40);
            buffer.drop_before(dropped);
            (40..40 + dropped).for_each(|time| buffer.insert(time, time, i64::MIN));
            for first in dropped..40 + dropped {
                assert_eq!(times(&buffer, buffer.rank(first)), (first..40 + dropped).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn records_go_when_the_others_look_or_there_is_no_room_for_more() {
        let mut buffer = of(0..10);
        buffer.drop_before(4);
        assert_eq!(times(&buffer, 0), [4, 5, 6, 7, 8, 9]);
        assert!(buffer.reaches(9) && !buffer.reaches(10));
        assert!(buffer.is_stale(8) && !buffer.is_stale(7));
        let room = buffer.entries.capacity();
        (10..1000).for_each(|time| buffer.insert(time, time, time - 5));
        assert_eq!(buffer.entries.capacity(), room, "what may still meet others has room");
        buffer.drop_before(1000);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_burst_gives_its_memory_back() {
        let mut buffer = of(0..100_000);
        buffer.drop_before(99_990);
        assert!(buffer.entries.capacity() < 1000);
    }

    #[test]
    fn what_is_written_is_read_and_tells_its_last_time() {
        let buffer = of([7, 2]);
        let mut bytes = Vec::new();
        buffer.encode(Timestamp::MIN, &mut bytes).unwrap();
        assert_eq!(buffer.last_use(&mut bytes.as_slice()).unwrap(), Some(Timestamp::from_millis(7)));
        let mut read = TimeBuffer::default();
        read.decode(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.entries, buffer.entries);
    }
}
