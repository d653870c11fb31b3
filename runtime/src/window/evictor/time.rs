//! Keeps the records of the last while.

use std::time::Duration;

use super::{Evictor, EvictorContext, Side, TimestampedValue, one_sided};

/// Keeps the records of a window that are less than some time before the latest of them. Goes by event time: records
/// without one are all kept.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::{TimeEvictor, Tumbling};
/// # let env = Environment::new("example");
/// let late_ones = env
///     .from_collection([100, 700, 900])
///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
///     .key_by_owned(|_| ())
///     .window(Tumbling::of(Duration::from_secs(1)))
///     .evictor(TimeEvictor::keep(Duration::from_millis(300)))
///     .process(|_, _, times, out| out.emit(times))
///     .collect();
/// # env.execute()?;
/// assert_eq!(late_ones.take(), [[700, 900]]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TimeEvictor {
    kept: Duration,
    side: Side,
}

impl TimeEvictor {
    /// Has the window's function see the records that are less than `kept` before the latest.
    pub const fn keep(kept: Duration) -> Self {
        Self { kept, side: Side::Before }
    }

    /// Has the window's function see all records, and takes them out afterwards.
    #[must_use]
    pub const fn after(mut self) -> Self {
        self.side = Side::After;
        self
    }

    fn evict<T>(&self, records: &mut Vec<TimestampedValue<T>>) {
        let latest = records.iter().filter_map(TimestampedValue::timestamp).max();
        if let Some(latest) = latest {
            let limit = latest.saturating_sub(self.kept);
            records.retain(|record| record.timestamp().is_none_or(|time| time > limit));
        }
    }
}

impl<T> Evictor<T> for TimeEvictor {
    one_sided!();
}
