//! Which records are taken out of a window when it fires.
//!
//! With an evictor, a window keeps all of its records, each with its event time, and what aggregates them does so each time
//! the window fires.

mod count;
mod delta;
mod evicting;
mod time;

pub use count::CountEvictor;
pub use delta::DeltaEvictor;
pub(crate) use evicting::Evicting;
pub use time::TimeEvictor;

use serde::{Deserialize, Serialize};

use super::TimeWindow;
use crate::time::Timestamp;

/// A record in a window, with its event time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimestampedValue<T> {
    /// The record.
    pub value: T,
    time: Timestamp,
}

impl<T> TimestampedValue<T> {
    pub(crate) const fn new(value: T, time: Timestamp) -> Self {
        Self { value, time }
    }

    /// The record's event time, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.is_set().then_some(self.time)
    }
}

/// Takes records out of windows when they fire, before the window's function sees them or after that.
///
/// What is taken out is gone: it is not there when the window fires again. The records stand in the order in which they
/// came, but for sessions that were merged, of which the earlier one's come first. A window whose records were all taken
/// out beforehand fires nevertheless; one that has been empty since it last fired does not.
///
/// ```
/// use millstream::window::{Evictor, EvictorContext, TimestampedValue};
///
/// /// Leaves out what is zero.
/// struct NoZeros;
///
/// impl Evictor<u64> for NoZeros {
///     fn evict_before(&self, records: &mut Vec<TimestampedValue<u64>>, _ctx: &EvictorContext) {
///         records.retain(|record| record.value != 0);
///     }
/// }
/// ```
pub trait Evictor<T>: Send + Sync + 'static {
    /// Takes records out before the window's function is called.
    fn evict_before(&self, _records: &mut Vec<TimestampedValue<T>>, _ctx: &EvictorContext) {}

    /// Takes records out after the window's function has been called.
    fn evict_after(&self, _records: &mut Vec<TimestampedValue<T>>, _ctx: &EvictorContext) {}
}

/// What an evictor can ask.
#[derive(Debug, Clone, Copy)]
pub struct EvictorContext {
    pub(crate) window: TimeWindow,
    pub(crate) watermark: Timestamp,
    pub(crate) now: Timestamp,
}

impl EvictorContext {
    /// The window that fires.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// How far event time has come.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.now
    }
}

/// When the evictors of this module do their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Implements [`Evictor`] by a method `evict` and a field `side`.
macro_rules! one_sided {
    () => {
        fn evict_before(&self, records: &mut Vec<TimestampedValue<T>>, _ctx: &EvictorContext) {
            if self.side == Side::Before {
                self.evict(records);
            }
        }

        fn evict_after(&self, records: &mut Vec<TimestampedValue<T>>, _ctx: &EvictorContext) {
            if self.side == Side::After {
                self.evict(records);
            }
        }
    };
}
use one_sided;
