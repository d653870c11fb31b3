//! The records of one key on one side of a join, in order of time.
//!
//! What always holds: entries are ordered by time, those of equal times by arrival. Entries that can meet nobody any
//! more stand in front; they go once they are at least half of all, so that removing costs no more than adding did.

use crate::data::Data;
use crate::state::{State, StateError, Ttl, decode, encode};
use crate::time::Timestamp;

/// So many entries may stay allocated whatever is needed.
const SMALL: usize = 32;

/// Records with their event times in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct TimeBuffer<T> {
    entries: Vec<(i64, T)>,
}

impl<T> Default for TimeBuffer<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> TimeBuffer<T> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a record: at the end, unless it comes out of order.
    #[inline]
    pub(crate) fn insert(&mut self, time: i64, value: T) {
        match self.entries.last() {
            Some((last, _)) if *last > time => {
                let place = self.entries.partition_point(|(other, _)| *other <= time);
                self.entries.insert(place, (time, value));
            }
            _ => self.entries.push((time, value)),
        }
    }

    /// The records at or after `first`, in order of time.
    #[inline]
    pub(crate) fn from(&self, first: i64) -> &[(i64, T)] {
        &self.entries[self.entries.partition_point(|(time, _)| *time < first)..]
    }

    /// Whether any record is at or after `time`.
    #[inline]
    pub(crate) fn reaches(&self, time: i64) -> bool {
        self.entries.last().is_some_and(|(last, _)| *last >= time)
    }

    /// Whether [`TimeBuffer::drop_before`] would remove anything.
    #[inline]
    pub(crate) fn is_stale(&self, time: i64) -> bool {
        self.entries.get(self.entries.len() / 2).is_some_and(|(middle, _)| *middle < time)
    }

    /// Removes the records before `time`, if they are at least half of all.
    #[inline]
    pub(crate) fn drop_before(&mut self, time: i64) {
        if self.is_stale(time) {
            self.drop_front(time);
        }
    }

    #[inline(never)]
    fn drop_front(&mut self, time: i64) {
        let count = self.entries.partition_point(|(other, _)| *other < time);
        self.entries.drain(..count);
        // A burst must not keep its memory for ever.
        if self.entries.capacity() / 4 > self.entries.len().max(SMALL) {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
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
        let last = self.entries.last().map(|(time, _)| *time);
        encode(&(last, &self.entries), to)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError> {
        let (_, entries): (Option<i64>, Vec<(i64, T)>) =
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
        times.into_iter().for_each(|time| buffer.insert(time, time));
        buffer
    }

    #[test]
    fn records_out_of_order_stand_in_order_and_equal_ones_as_they_came() {
        let mut buffer = TimeBuffer::default();
        for (number, time) in [5, 3, 5, 9, 3].into_iter().enumerate() {
            buffer.insert(time, number);
        }
        assert_eq!(buffer.from(0), [(3, 1), (3, 4), (5, 0), (5, 2), (9, 3)]);
        assert_eq!(buffer.from(5), [(5, 0), (5, 2), (9, 3)]);
        assert_eq!(buffer.from(10), []);
    }

    #[test]
    fn records_go_when_half_of_them_are_past() {
        let mut buffer = of(0..10);
        buffer.drop_before(4);
        assert_eq!(buffer.entries.len(), 10);
        buffer.drop_before(6);
        assert_eq!(buffer.entries[0].0, 6);
        assert!(buffer.reaches(9) && !buffer.reaches(10));
        buffer.drop_before(10);
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
