//! Where event times and watermarks come from.
//!
//! A [`WatermarkStrategy`] is the recipe: how a record's event time is found, which generator turns event times into
//! watermarks, and when an input that is silent is left out. Each split of a source gets a generator of its own; their
//! watermarks are merged by minimum.

use std::hint::select_unpredictable;
use std::sync::Arc;
use std::time::Duration;

use super::{Timestamp, timestamp::millis};

/// Turns the event times of one split into watermarks.
///
/// Laws: the watermarks of one generator never decrease (the runtime ignores one that does), and [`observe`] may only
/// answer with a watermark that holds for every record observed so far.
///
/// [`observe`]: WatermarkGenerator::observe
pub trait WatermarkGenerator<T>: Send + 'static {
    /// Sees a record. A generator of punctuated watermarks answers with a watermark that takes effect between this
    /// record and the next; a periodic one answers `None`.
    fn observe(&mut self, value: &T, event_time: Timestamp) -> Option<Timestamp>;

    /// The watermark now, asked for once per periodic interval; `None` if nothing is known yet.
    fn periodic(&mut self) -> Option<Timestamp>;

    /// Sees a batch of event times of which it need not look at the values; returns `false` (and must then have done
    /// nothing) if it wants each record by [`WatermarkGenerator::observe`]. Periodic generators override this.
    fn observe_all(&mut self, _event_times: &[Timestamp]) -> bool {
        false
    }
}

/// Watermarks that trail the highest event time by a fixed bound.
#[derive(Debug, Clone)]
pub struct BoundedOutOfOrderness {
    bound: Duration,
    /// Never decreases; [`Timestamp::MIN`] before the first record.
    highest: Timestamp,
}

impl BoundedOutOfOrderness {
    /// A generator that has seen no record.
    pub fn new(bound: Duration) -> Self {
        Self { bound, highest: Timestamp::MIN }
    }
}

impl<T> WatermarkGenerator<T> for BoundedOutOfOrderness {
    fn observe(&mut self, _value: &T, event_time: Timestamp) -> Option<Timestamp> {
        self.highest = self.highest.max(event_time);
        None
    }

    fn periodic(&mut self) -> Option<Timestamp> {
        // A record exactly `bound` behind is still on time, hence one more millisecond.
        self.highest.is_set().then(|| self.highest.saturating_sub(self.bound).pred())
    }

    fn observe_all(&mut self, event_times: &[Timestamp]) -> bool {
        for time in event_times {
            // Spelled as `max`, compilers vectorise it for processors that cannot compare words in vectors, at four
            // times the cost.
            self.highest = select_unpredictable(*time > self.highest, *time, self.highest);
        }
        true
    }
}

/// No watermark until the input ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWatermarks;

impl<T> WatermarkGenerator<T> for NoWatermarks {
    fn observe(&mut self, _value: &T, _event_time: Timestamp) -> Option<Timestamp> {
        None
    }

    fn periodic(&mut self) -> Option<Timestamp> {
        None
    }

    fn observe_all(&mut self, _event_times: &[Timestamp]) -> bool {
        true
    }
}

/// A watermark after each record that a function picks.
struct Punctuated<F> {
    pick: F,
}

impl<T, F> WatermarkGenerator<T> for Punctuated<F>
where
    F: FnMut(&T, Timestamp) -> Option<Timestamp> + Send + 'static,
{
    fn observe(&mut self, value: &T, event_time: Timestamp) -> Option<Timestamp> {
        (self.pick)(value, event_time)
    }

    fn periodic(&mut self) -> Option<Timestamp> {
        None
    }
}

type Assigner<T> = Arc<dyn TimestampAssigner<T>>;
type MakeGenerator<T> = Arc<dyn Fn() -> Box<dyn WatermarkGenerator<T>> + Send + Sync>;

/// Finds the event times of a whole batch in one virtual call.
pub(crate) trait TimestampAssigner<T>: Send + Sync {
    fn assign(&self, values: &[T], times: &mut Vec<Timestamp>);
}

struct ByFunction<F>(F);

impl<T, F: Fn(&T) -> Timestamp + Send + Sync> TimestampAssigner<T> for ByFunction<F> {
    fn assign(&self, values: &[T], times: &mut Vec<Timestamp>) {
        times.clear();
        times.extend(values.iter().map(&self.0));
    }
}

/// Where the event time of a record comes from.
#[derive(Clone)]
pub(crate) enum EventTime<T> {
    /// The source has set it (or nobody has).
    AsIs,
    /// A function of the value.
    Assigned(Assigner<T>),
    /// Processing time at which the record came in.
    Ingestion,
}

/// How a stream gets event times and watermarks.
///
/// ```
/// use std::time::Duration;
/// use millstream::time::{Timestamp, WatermarkStrategy};
/// let strategy = WatermarkStrategy::bounded_out_of_orderness(Duration::from_secs(5))
///     .timestamps(|reading: &(i64, f64)| Timestamp::from_millis(reading.0))
///     .idle_after(Duration::from_secs(30));
/// ```
pub struct WatermarkStrategy<T> {
    pub(crate) event_time: EventTime<T>,
    pub(crate) generator: MakeGenerator<T>,
    pub(crate) interval: Duration,
    pub(crate) idle_after: Option<Duration>,
    pub(crate) alignment: Option<Alignment>,
}

/// How far a split may be ahead of the others, and of which others.
#[derive(Debug, Clone)]
pub(crate) struct Alignment {
    pub(crate) group: Arc<str>,
    /// In event time.
    pub(crate) max_drift: Duration,
}

impl<T> Clone for WatermarkStrategy<T> {
    fn clone(&self) -> Self {
        Self {
            event_time: match &self.event_time {
                EventTime::AsIs => EventTime::AsIs,
                EventTime::Assigned(assigner) => EventTime::Assigned(Arc::clone(assigner)),
                EventTime::Ingestion => EventTime::Ingestion,
            },
            generator: Arc::clone(&self.generator),
            interval: self.interval,
            idle_after: self.idle_after,
            alignment: self.alignment.clone(),
        }
    }
}

impl<T: 'static> WatermarkStrategy<T> {
    /// How often a periodic generator is asked for its watermark, unless the strategy says otherwise.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_millis(200);
    /// After how long a split that has nothing to read is left out of the watermark, unless the strategy says otherwise.
    pub const DEFAULT_IDLE_AFTER: Duration = Duration::from_secs(60);

    /// Watermarks of the user's own generator, made anew for each split.
    pub fn with_generator<G, F>(make: F) -> Self
    where
        G: WatermarkGenerator<T>,
        F: Fn() -> G + Send + Sync + 'static,
    {
        Self {
            event_time: EventTime::AsIs,
            generator: Arc::new(move || Box::new(make())),
            interval: Self::DEFAULT_INTERVAL,
            idle_after: Some(Self::DEFAULT_IDLE_AFTER),
            alignment: None,
        }
    }

    /// Event times may be behind the highest one seen by at most `bound`.
    pub fn bounded_out_of_orderness(bound: Duration) -> Self {
        Self::with_generator(move || BoundedOutOfOrderness::new(bound))
    }

    /// Event times of a split never decrease.
    pub fn monotonous() -> Self {
        Self::bounded_out_of_orderness(Duration::ZERO)
    }

    /// No watermarks: event-time windows fire when the input ends.
    pub fn none() -> Self {
        Self::with_generator(|| NoWatermarks)
    }

    /// A watermark right after each record for which `pick` (given the record and its event time) answers with one.
    pub fn punctuated<F>(pick: F) -> Self
    where
        F: FnMut(&T, Timestamp) -> Option<Timestamp> + Clone + Send + Sync + 'static,
    {
        Self::with_generator(move || Punctuated { pick: pick.clone() })
    }

    /// Takes the event time from the record.
    #[must_use]
    pub fn timestamps<F>(mut self, event_time: F) -> Self
    where
        F: Fn(&T) -> Timestamp + Send + Sync + 'static,
    {
        self.event_time = EventTime::Assigned(Arc::new(ByFunction(event_time)));
        self
    }

    /// Takes processing time, when the record comes in, as its event time.
    #[must_use]
    pub fn ingestion_time(mut self) -> Self {
        self.event_time = EventTime::Ingestion;
        self
    }

    /// How often a periodic generator is asked for its watermark; at least a millisecond.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Duration::from_millis(u64::try_from(millis(interval).max(1)).unwrap_or(1));
        self
    }

    /// Leaves a split out of the watermark once it has had nothing to read for `timeout`.
    #[must_use]
    pub fn idle_after(mut self, timeout: Duration) -> Self {
        self.idle_after = Some(timeout);
        self
    }

    /// Does not read splits whose watermark is more than `max_drift` ahead of the lowest among the splits of all sources of
    /// the job that are in `group`, until that has caught up; idle splits hold nobody back. So what has to wait for slower
    /// splits waits in the source, and not in state. How far splits are is looked at every [`interval`](Self::interval).
    ///
    /// Only where this stands in the chain of a source. A source whose reader cannot leave out single splits is held
    /// when all that a subtask reads are ahead.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use millstream::time::WatermarkStrategy;
    /// let strategy: WatermarkStrategy<u64> = WatermarkStrategy::monotonous().aligned("orders", Duration::from_secs(60));
    /// # let _ = strategy;
    /// ```
    #[must_use]
    pub fn aligned(mut self, group: &str, max_drift: Duration) -> Self {
        self.alignment = Some(Alignment { group: group.into(), max_drift });
        self
    }

    /// Never leaves a split out of the watermark, however long it is silent.
    #[must_use]
    pub fn never_idle(mut self) -> Self {
        self.idle_after = None;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_record_does_not_move_the_watermark_back() {
        let mut generator = BoundedOutOfOrderness::new(Duration::from_millis(10));
        for event_time in [250, 100] {
            generator.observe(&(), Timestamp::from_millis(event_time));
            assert_eq!(WatermarkGenerator::<()>::periodic(&mut generator), Some(Timestamp::from_millis(239)));
        }
    }
}
