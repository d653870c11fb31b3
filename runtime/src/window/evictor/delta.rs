//! Keeps the records that are close to the last.

use super::{Evictor, EvictorContext, Side, TimestampedValue, one_sided};

/// Keeps the records of a window that are closer than a threshold to the one that came last.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::{CountWindow, DeltaEvictor};
/// # let env = Environment::new("example");
/// let close = env
///     .from_collection([10, 98, 95, 100])
///     .key_by_owned(|_| ())
///     .window(CountWindow::tumbling(4))
///     .evictor(DeltaEvictor::of(5.0, |number: &i32, last: &i32| f64::from(last - number)))
///     .process(|_, _, numbers, out| out.emit(numbers))
///     .collect();
/// # env.execute()?;
/// assert_eq!(close.take(), [[98, 100]]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DeltaEvictor<F> {
    threshold: f64,
    delta: F,
    side: Side,
}

impl<F> DeltaEvictor<F> {
    /// Has the window's function see the records for which `delta` of them and the last one is below `threshold`.
    pub const fn of(threshold: f64, delta: F) -> Self {
        Self { threshold, delta, side: Side::Before }
    }

    /// Has the window's function see all records, and takes them out afterwards.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.side = Side::After;
        self
    }

    fn evict<T>(&self, records: &mut Vec<TimestampedValue<T>>)
    where
        F: Fn(&T, &T) -> f64,
    {
        // The last one may be evicted, too, so what stays is decided before anything goes.
        let Some(last) = records.last() else { return };
        let mut kept = records
            .iter()
            .map(|record| (self.delta)(&record.value, &last.value) < self.threshold)
            .collect::<Vec<_>>()
            .into_iter();
        records.retain(|_| kept.next() == Some(true));
    }
}

impl<T: 'static, F> Evictor<T> for DeltaEvictor<F>
where
    F: Fn(&T, &T) -> f64 + Send + Sync + 'static,
{
    one_sided!();
}
