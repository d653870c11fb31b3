//! How values are spread.
//!
//! Values are counted in buckets, eight to each doubling, so that recording is a count in an array, and what is told of them is
//! at most a sixteenth off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets per doubling, as a power of two.
const STEP_BITS: u32 = 3;
/// The lowest value that is told from zero is 2 to this power.
const LOWEST: i32 = -30;
/// What lies above 2 to this power is counted as if it did not.
const HIGHEST: i32 = 50;
const BUCKETS: usize = 1 + (((HIGHEST - LOWEST) as usize) << STEP_BITS);
/// The bits of a floating-point number that tell nothing of its bucket.
const IGNORED_BITS: u32 = f64::MANTISSA_DIGITS - 1 - STEP_BITS;

/// Records how values are spread. What is not above zero counts as zero. Clones record together.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Arc<[AtomicU64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Histogram {
    /// Records a value.
    #[inline]
    pub fn record(&self, value: f64) {
        self.counts[bucket(value)].fetch_add(1, Ordering::Relaxed);
    }

    /// How the values so far are spread.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot { counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect() }
    }
}

/// The bits that tell the bucket of the lowest value above zero.
fn lowest() -> u64 {
    2f64.powi(LOWEST).to_bits() >> IGNORED_BITS
}

fn bucket(value: f64) -> usize {
    if value.is_nan() || value <= 0.0 {
        return 0;
    }
    let above = (value.to_bits() >> IGNORED_BITS).checked_sub(lowest());
    above.map_or(0, |above| usize::try_from(above).unwrap_or(BUCKETS).saturating_add(1).min(BUCKETS - 1))
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> f64 {
    let Some(above) = (bucket as u64).checked_sub(1) else { return 0.0 };
    let [low, high] = [above, above + 1].map(|above| f64::from_bits((lowest() + above) << IGNORED_BITS));
    low.midpoint(high)
}

/// How values were spread at some time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistogramSnapshot {
    counts: Vec<u64>,
}

impl HistogramSnapshot {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, within a sixteenth; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.buckets().map(|(value, count)| value * count as f64).sum::<f64>() / count as f64)
    }

    /// The value below which this share of the values lies, within a sixteenth; `None` without values.
    ///
    /// ```
    /// use millstream::observe::Histogram;
    /// let latency = Histogram::default();
    /// (1..=100).for_each(|ms| latency.record(f64::from(ms)));
    /// let p99 = latency.snapshot().quantile(0.99).unwrap();
    /// assert!((93.0..105.0).contains(&p99), "{p99}");
    /// ```
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut below = 0;
        let found = self.buckets().find(|(_, count)| {
            below += count;
            below >= rank
        });
        found.map(|(value, _)| value)
    }

    /// The values, each standing for its bucket, with how many there are; lowest first.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(bucket, count)| (middle(bucket), *count))
    }

    /// What has come since an earlier snapshot of the same histogram.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        Self { counts: self.counts.iter().zip(before).map(|(now, before)| now - before).collect() }
    }

    /// Adds the values of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.resize(BUCKETS, 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_within_a_sixteenth() {
        let mut value = 1e-9;
        while value < 1e15 {
            let told = middle(bucket(value));
            assert!((told / value - 1.0).abs() <= 1.0 / 16.0, "{value} is told as {told}");
            value *= 1.017;
        }
    }

    #[test]
    fn what_is_out_of_range_is_counted_at_its_end() {
        let histogram = Histogram::default();
        [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-300].iter().for_each(|value| histogram.record(*value));
        histogram.record(f64::INFINITY);
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(snapshot.quantile(0.5), Some(0.0));
        assert!(snapshot.quantile(1.0).is_some_and(|value| value > 1e14));
    }

    #[test]
    fn without_values_there_is_nothing_to_tell() {
        assert_eq!(HistogramSnapshot::default().mean(), None);
        assert_eq!(Histogram::default().snapshot().quantile(0.5), None);
    }
}
