//! A limit to how many records a second a source reads.
//!
//! The readers of one process share a budget that grows with time and that every record is taken from, so that a
//! reader uses what the others leave. A process that runs only some of a source's readers gets their part of the
//! rate; so the limit holds for all of them together, wherever they run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, SourceError};
use crate::channel::size::MAX_BATCH_RECORDS;
use crate::observe::MetricGroup;
use crate::time::{Clock, SystemClock};

/// How long the budget is saved up before a reader gets something of it, so that records come in small batches.
const QUANTUM: Duration = Duration::from_millis(5);
/// How long an unused budget is saved up at most.
const MAX_SAVED: Duration = Duration::from_millis(100);

/// Limits a source to so many records a second over all its readers.
///
/// ```
/// use millstream::connector::{CollectionSource, RateLimited, Source};
/// let slow = RateLimited::new(CollectionSource::new(vec![1, 2, 3]), 0.5);
/// assert_eq!(slow.name(), "collection");
/// ```
pub struct RateLimited<S> {
    source: S,
    limited: bool,
    budget: Arc<Mutex<Budget>>,
    clock: Arc<dyn Clock>,
}

impl<S> RateLimited<S> {
    /// Limits `source` to `per_second` records a second; a rate that is not above zero is refused when the job starts.
    pub fn new(source: S, per_second: f64) -> Self {
        let budget = Budget { per_second, available: 1.0, at: Duration::ZERO, readers: 0, parallelism: 1 };
        Self { source, limited: true, budget: Arc::new(Mutex::new(budget)), clock: Arc::new(SystemClock::new()) }
    }

    /// Limits `source` if there is a limit: for a flag that the user may leave out.
    ///
    /// ```
    /// use millstream::connector::{CollectionSource, RateLimited};
    /// let rate: Option<f64> = None;
    /// let source = RateLimited::up_to(CollectionSource::new(vec![1, 2, 3]), rate);
    /// ```
    pub fn up_to(source: S, per_second: Option<f64>) -> Self {
        let mut limited = Self::new(source, per_second.unwrap_or(1.0));
        limited.limited = per_second.is_some();
        limited
    }

    /// Measures time by another clock; for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl<S: Source> Source for RateLimited<S> {
    type Out = S::Out;
    type Split = S::Split;
    type Enumerator = S::Enumerator;
    type Reader = RateLimitedReader<S::Reader>;

    fn name(&self) -> String {
        self.source.name()
    }

    fn boundedness(&self) -> Boundedness {
        self.source.boundedness()
    }

    fn may_block(&self) -> bool {
        self.source.may_block()
    }

    fn assigns_ahead(&self) -> bool {
        self.source.assigns_ahead()
    }

    fn enumerator(&self, restored: Option<<S::Enumerator as Enumerator>::State>) -> Result<S::Enumerator, SourceError> {
        let per_second = locked(&self.budget).per_second;
        // Written so that it also refuses what is not a number.
        if !(per_second.is_finite() && per_second > 0.0) {
            return Err(SourceError::Invalid(format!(
                "a rate of {per_second} records a second cannot be: it must be a number above zero"
            )));
        }
        self.source.enumerator(restored)
    }

    fn reader(&self, ctx: ReaderContext) -> Result<Self::Reader, SourceError> {
        let parallelism = ctx.parallelism;
        let reader = self.source.reader(ctx)?;
        let budget = self.limited.then(|| Arc::clone(&self.budget));
        if let Some(budget) = &budget {
            locked(budget).enter(parallelism, self.clock.monotonic());
        }
        Ok(RateLimitedReader { reader, budget, clock: Arc::clone(&self.clock) })
    }
}

/// Reads when the budget allows.
pub struct RateLimitedReader<R> {
    reader: R,
    /// `None` for no limit.
    budget: Option<Arc<Mutex<Budget>>>,
    clock: Arc<dyn Clock>,
}

impl<R: Reader> Reader for RateLimitedReader<R> {
    type Out = R::Out;
    type Split = R::Split;

    fn add(&mut self, split: R::Split) -> Result<(), SourceError> {
        self.reader.add(split)
    }

    fn read(&mut self, out: &mut ReadBuffer<R::Out>) -> Result<Read, SourceError> {
        let Some(budget) = &self.budget else { return self.reader.read(out) };
        let granted = match locked(budget).take(out.room(), self.clock.monotonic()) {
            Ok(granted) => granted,
            Err(wait) => return Ok(Read::Paused(wait)),
        };
        let before = out.records_read();
        out.set_max_records(before as usize + granted);
        let read = self.reader.read(out);
        out.set_max_records(MAX_BATCH_RECORDS);
        let used = out.records_read() - before;
        locked(budget).settle(granted, used);
        read
    }

    fn hold(&mut self, splits: &BTreeSet<Arc<str>>) -> Result<bool, SourceError> {
        self.reader.hold(splits)
    }

    fn position(&self, split: &str) -> Option<R::Split> {
        self.reader.position(split)
    }

    fn completed(&mut self, positions: Vec<R::Split>) {
        self.reader.completed(positions);
    }

    fn report(&mut self, metrics: &MetricGroup) {
        self.reader.report(metrics);
    }
}

impl<R> Drop for RateLimitedReader<R> {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            locked(budget).readers -= 1;
        }
    }
}

/// How many records may be read.
struct Budget {
    per_second: f64,
    /// Below zero after a reader has read more than it was granted.
    available: f64,
    /// Until when `available` has been reckoned.
    at: Duration,
    /// How many readers share it.
    readers: usize,
    /// How many readers there are in all processes.
    parallelism: usize,
}

impl Budget {
    fn enter(&mut self, parallelism: usize, now: Duration) {
        if self.readers == 0 {
            self.at = now;
        }
        self.readers += 1;
        self.parallelism = parallelism;
    }

    /// Grants up to `wanted` records, or says how long to wait.
    fn take(&mut self, wanted: usize, now: Duration) -> Result<usize, Duration> {
        let share = self.readers as f64 / self.parallelism.max(1) as f64;
        let rate = self.per_second * share.min(1.0);
        let most = (rate * MAX_SAVED.as_secs_f64()).max(1.0);
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.available = (self.available + rate * passed).min(most);
        self.at = now;
        let least = (rate * QUANTUM.as_secs_f64()).clamp(1.0, MAX_BATCH_RECORDS as f64);
        // A hair less is enough, or rounding could ask for one more wait of almost no time.
        if self.available + 1e-6 < least {
            return Err(Duration::from_secs_f64(((least - self.available) / rate).clamp(1e-6, 3600.0)));
        }
        let granted = wanted.min((self.available + 1e-6) as usize);
        self.available -= granted as f64;
        Ok(granted)
    }

    /// Gives back what was granted and not used, or takes what was used beyond.
    fn settle(&mut self, granted: usize, used: u64) {
        self.available += granted as f64 - used as f64;
    }
}

fn locked(budget: &Mutex<Budget>) -> MutexGuard<'_, Budget> {
    // A reader that panicked leaves numbers that are at worst a batch off.
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Assignment, CollectionSource, GeneratorSource};
    use crate::testing::conformance;
    use crate::time::{ManualClock, Timestamp};

    /// A clock that moves on by a millisecond whenever it is asked.
    #[derive(Default)]
    struct Ticking(std::sync::atomic::AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.monotonic().as_millis() as i64)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        }
    }

    /// How many records the readers make in so many milliseconds.
    fn records_within(per_second: f64, parallelism: usize, with_splits: usize, millis: i64) -> usize {
        let clock = Arc::new(ManualClock::default());
        let source = GeneratorSource::new(None, |index| index).rate(per_second).clock(clock.clone());
        let mut enumerator = source.enumerator(None).unwrap();
        let mut readers: Vec<_> = (0..parallelism)
            .map(|subtask| {
                let ctx = ReaderContext { subtask, parallelism };
                let mut reader = source.reader(ctx.clone()).unwrap();
                if let (true, Assignment::Splits(splits)) = (subtask < with_splits, enumerator.next(&ctx)) {
                    splits.into_iter().for_each(|split| reader.add(split).unwrap());
                }
                reader
            })
            .collect();
        let mut records = 0;
        for now in 0..millis {
            clock.advance_to(Timestamp::from_millis(now));
            for reader in &mut readers {
                let mut out = ReadBuffer::default();
                let _ = reader.read(&mut out).unwrap();
                records += out.len();
            }
        }
        records
    }

    #[test]
    fn all_readers_together_keep_to_the_rate() {
        for (parallelism, with_splits) in [(1, 1), (4, 4), (4, 1)] {
            for per_second in [2.0, 333.0, 50_000.0] {
                let records = records_within(per_second, parallelism, with_splits, 10_000) as f64;
                let expected = per_second * 10.0;
                assert!((records - expected).abs() <= 1.0 + expected * 0.02, "{records} for {expected}");
            }
        }
    }

    #[test]
    fn keeps_the_source_contract() {
        let values: Vec<u64> = (0..2000).collect();
        let make = || {
            RateLimited::new(CollectionSource::new((0..2000).collect()), 50_000.0).clock(Arc::new(Ticking::default()))
        };
        conformance::source(make, values);
    }

    #[test]
    fn a_rate_that_is_not_above_zero_is_refused() {
        for rate in [0.0, -1.0, f64::NAN] {
            let error = RateLimited::new(CollectionSource::new(vec![1]), rate).enumerator(None).map(drop).unwrap_err();
            assert!(error.to_string().contains("above zero"), "{error}");
        }
    }
}
