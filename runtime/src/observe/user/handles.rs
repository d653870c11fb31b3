//! Counters, gauges and meters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts `amount` more.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Counts one more.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// What was counted in this subtask.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that goes up and down; 0 at first. Clones are the same gauge.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// How often something happens: shown as events per second over the last minute, beside their number. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter(Counter);

impl Meter {
    /// It has happened `events` times.
    #[inline]
    pub fn mark(&self, events: u64) {
        self.0.add(events);
    }

    /// How often it has happened in this subtask.
    pub fn count(&self) -> u64 {
        self.0.get()
    }
}
