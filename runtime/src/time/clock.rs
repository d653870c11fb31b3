//! Where processing time comes from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Timestamp;

/// A source of processing time.
///
/// Contract: [`Clock::now`] never goes back between two calls on one thread.
pub trait Clock: Send + Sync + 'static {
    /// Processing time.
    fn now(&self) -> Timestamp;

    /// Time since some fixed instant, never going back; for measuring durations.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clock: wall time at the start of the job, moved on by the monotonic clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    /// Wall time at `started`, in milliseconds since the epoch.
    origin_millis: i64,
}

impl SystemClock {
    /// A clock that agrees with the wall clock now.
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { started: Instant::now(), origin_millis: super::timestamp::millis(since_epoch) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.origin_millis).saturating_add(self.started.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved; for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    millis: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { millis: AtomicI64::new(now.as_millis()) }
    }

    /// Moves the clock on to `now`; an earlier instant is ignored.
    pub fn advance_to(&self, now: Timestamp) {
        self.millis.fetch_max(now.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        let millis = self.millis.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}
