//! Many measurements of the same thing.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The middle and the end of some durations, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Samples {
    /// How many there are.
    pub count: usize,
    /// The middle one.
    pub p50_millis: f64,
    /// The one that one in a hundred exceeds; of fewer, the highest.
    pub p99_millis: f64,
}

impl Samples {
    /// `None` if there are no durations.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut millis: Vec<f64> = durations.into_iter().map(|duration| duration.as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        let count = millis.len();
        let at = |hundredths: usize| millis.get((count * hundredths).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { count, p50_millis: at(50)?, p99_millis: at(99)? })
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.2} ms, p99 {:.2} ms ({} samples)", self.p50_millis, self.p99_millis, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: u64, p50_millis: f64, p99_millis: f64) {
        let found = Samples::of((1..=count).rev().map(Duration::from_millis));
        assert_eq!(found, Some(Samples { count: count as usize, p50_millis, p99_millis }));
    }

    #[test]
    fn the_highest_of_few_is_their_p99() {
        check(1, 1.0, 1.0);
        check(20, 10.0, 20.0);
        check(200, 100.0, 198.0);
        assert_eq!(Samples::of([]), None);
    }
}
