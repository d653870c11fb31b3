//! Where an operator's results go.

use crate::channel::{Batch, Origin};
use crate::time::Timestamp;

/// Takes the results of a user's function. A result has the event time of the record it was made from, unless
/// [`Collector::emit_at`] says otherwise.
#[derive(Debug)]
pub struct Collector<T> {
    pub(crate) batch: Batch<T>,
    /// The event time of the record being processed.
    pub(crate) time: Timestamp,
    /// The source position of the record being processed.
    pub(crate) position: Option<u64>,
    /// Whether the batch's records are in the metrics already: it may be pushed several times.
    pub(crate) counted: bool,
}

impl<T> Collector<T> {
    pub(crate) fn new() -> Self {
        Self { batch: Batch::new(), time: Timestamp::MIN, position: None, counted: false }
    }

    /// Emits a result at the event time of the record being processed, or of the timer in event time or
    /// the window that fires.
    #[inline]
    pub fn emit(&mut self, value: T) {
        self.emit_at(value, self.time);
    }

    /// Emits a result at an event time of its own.
    #[inline]
    pub fn emit_at(&mut self, value: T, time: Timestamp) {
        match self.position {
            None => self.batch.push_at(value, time),
            position => self.batch.push_from(value, time, position),
        }
    }

    /// Says which record the next results come from.
    #[inline]
    pub(crate) fn at_record(&mut self, time: Timestamp, position: Option<u64>) {
        self.time = time;
        self.position = position;
    }

    /// The next results come from no record of a source: a timer, a window.
    pub(crate) fn forget_record(&mut self) {
        self.at_record(Timestamp::MIN, None);
        self.set_origin(None);
    }

    /// Hands the split of the input on to the results.
    pub(crate) fn set_origin(&mut self, origin: Option<&Origin>) {
        if self.batch.origin() != origin {
            self.batch.set_origin(origin.cloned());
        }
    }
}

impl<T> Extend<T> for Collector<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        if self.position.is_none() && !self.time.is_set() {
            self.batch.extend(values.into_iter());
            return;
        }
        for value in values {
            self.emit(value);
        }
    }
}
