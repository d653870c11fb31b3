//! How the rows of an interval join are written: as the states `left` and `right`.
//!
//! A row is over when none of its records can meet another any more. Such a row is not written. What is in a store is not
//! looked at again unless its key comes back, so a store is told how far event time has come, and leaves out what is over
//! when it merges its tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::bounds::{Alive, Bounds};
use super::buffer::TimeBuffer;
use crate::data::Data;
use crate::state::{ExpiryFilters, RowCodec, State, StateError, StateSpec, StatesCodec, decode};
use crate::time::{Clock, Timestamp};

/// The records of a key that may still meet others.
pub(super) type JoinRow<L, R> = (TimeBuffer<L>, TimeBuffer<R>);

/// Writes and reads the rows of an interval join.
pub(super) struct JoinCodec<L: Data, R: Data> {
    states: StatesCodec<JoinRow<L, R>>,
    bounds: Bounds,
    /// From when on records may still meet others.
    pub(super) alive: Alive,
    /// The watermark that stores go by. Not past any barrier whose state is still to be captured.
    reached: Arc<AtomicI64>,
}

impl<L: Data, R: Data> Clone for JoinCodec<L, R> {
    fn clone(&self) -> Self {
        Self { states: self.states.clone(), bounds: self.bounds, alive: self.alive, reached: Arc::clone(&self.reached) }
    }
}

impl<L: Data, R: Data> JoinCodec<L, R> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let specs = vec![StateSpec::new("left"), StateSpec::new("right")];
        let states = StatesCodec::new(JoinRow::default(), specs);
        Self { states, bounds, alive: bounds.alive(i64::MIN), reached: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// Event time has come this far for all keys.
    pub(super) fn advance(&mut self, watermark: i64) {
        self.alive = self.bounds.alive(watermark);
    }

    /// Lets stores leave out what was over at this watermark.
    pub(super) fn release(&self, watermark: i64) {
        self.reached.store(watermark, Ordering::Relaxed);
    }
}

impl<L: Data, R: Data> RowCodec for JoinCodec<L, R> {
    type Row = JoinRow<L, R>;

    fn blank(&self) -> Self::Row {
        JoinRow::default()
    }

    fn is_written(&self, (left, right): &Self::Row, _now: Timestamp) -> bool {
        left.reaches(self.alive.left) || right.reaches(self.alive.right)
    }

    fn encode(&self, row: &Self::Row, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        self.states.encode(row, now, to)
    }

    fn decode(&self, row: &mut Self::Row, now: Timestamp, from: &mut &[u8]) -> Result<(), StateError> {
        self.states.decode(row, now, from)
    }

    fn expiry_filters(&self, _clock: Arc<dyn Clock>) -> Option<ExpiryFilters> {
        let (bounds, reached) = (self.bounds, Arc::clone(&self.reached));
        Some(Arc::new(move || {
            let alive = bounds.alive(reached.load(Ordering::Relaxed));
            Box::new(move |row| is_over::<L, R>(row, alive).unwrap_or(false))
        }))
    }
}

/// Whether no record in an encoded row can meet another.
fn is_over<L: Data, R: Data>(mut row: &[u8], alive: Alive) -> Result<bool, StateError> {
    let row = &mut row;
    let blank = JoinRow::<L, R>::default();
    let count = rmp::decode::read_map_len(row).map_err(|error| StateError::decode("a row", &error))?;
    for _ in 0..count {
        let side: String = decode(row, "a side's name")?;
        let (last, alive) = match side.as_str() {
            "left" => (blank.0.last_use(row)?, alive.left),
            _ => (blank.1.last_use(row)?, alive.right),
        };
        if last.is_none_or(|last| last.as_millis() >= alive) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::bounds::{Interval, Offset};
    use super::*;
    use crate::time::ManualClock;

    #[test]
    fn a_store_leaves_out_a_row_once_both_sides_are_over() {
        let second = std::time::Duration::from_secs(1);
        let (lower, upper) = (Offset::Before(second), Offset::After(second));
        let interval = Interval { lower, upper, lower_exclusive: false, upper_exclusive: false };
        let mut codec = JoinCodec::<u64, String>::new(interval.bounds().unwrap());
        let filters = codec.expiry_filters(Arc::new(ManualClock::default())).unwrap();
        let mut row = codec.blank();
        row.0.insert(5000, 1, i64::MIN);
        row.1.insert(7000, "payment".to_owned(), i64::MIN);
        let mut bytes = Vec::new();
        codec.encode(&row, Timestamp::MIN, &mut bytes).unwrap();
        for (watermark, is_over) in [(0, false), (6001, false), (8000, false), (8001, true)] {
            codec.advance(watermark);
            assert_eq!(codec.is_written(&row, Timestamp::MIN), !is_over, "at {watermark}");
            codec.release(watermark);
            assert_eq!(filters()(&bytes), is_over, "at {watermark}");
        }
    }
}
