//! Keeps so many of the last records.

use super::{Evictor, EvictorContext, Side, TimestampedValue, one_sided};

/// Keeps the last records of a window, up to a number.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::{CountEvictor, CountTrigger, Global};
/// # let env = Environment::new("example");
/// let last_two = env
///     .from_collection([1, 2, 3])
///     .key_by_owned(|_| ())
///     .window(Global)
///     .trigger(CountTrigger::of(1))
///     .evictor(CountEvictor::keep(2))
///     .process(|_, _, numbers, out| out.emit(numbers))
///     .collect();
/// # env.execute()?;
/// assert_eq!(last_two.take(), [vec![1], vec![1, 2], vec![2, 3]]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CountEvictor {
    count: usize,
    side: Side,
}

impl CountEvictor {
    /// Has the window's function see the last `count` records.
    pub const fn keep(count: usize) -> Self {
        Self { count, side: Side::Before }
    }

    /// Has the window's function see all records, and takes them out afterwards.
    #[must_use]
    pub const fn after(mut self) -> Self {
        self.side = Side::After;
        self
    }

    fn evict<T>(&self, records: &mut Vec<TimestampedValue<T>>) {
        records.drain(..records.len().saturating_sub(self.count));
    }
}

impl<T> Evictor<T> for CountEvictor {
    one_sided!();
}
