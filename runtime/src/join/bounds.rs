//! How far apart in time two records may be that an interval join pairs.

use std::time::Duration;

use crate::time::millis;

/// A length of time before or after the left record.
///
/// ```
/// # use millstream::prelude::*;
/// use millstream::join::Offset::{After, Before};
/// let earliest = Before(Duration::from_secs(5));
/// let latest = After(Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// Earlier than the left record.
    Before(Duration),
    /// Later than the left record.
    After(Duration),
}

impl Offset {
    /// In whole milliseconds, later being positive.
    fn as_millis(self) -> i64 {
        match self {
            Self::Before(duration) => -millis(duration),
            Self::After(duration) => millis(duration),
        }
    }
}

/// Bounds between which no record can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the interval join pairs records between {lower:?} and {upper:?}{}, which none can be: `.between(lower, upper)` takes the \
     earlier bound first, and both must be a millisecond apart for each that is exclusive",
    if *exclusive { ", exclusive" } else { "" }
)]
pub(crate) struct NoInterval {
    lower: Offset,
    upper: Offset,
    exclusive: bool,
}

/// Where the right record may be, as the user asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval {
    pub(crate) lower: Offset,
    pub(crate) upper: Offset,
    pub(crate) lower_exclusive: bool,
    pub(crate) upper_exclusive: bool,
}

impl Interval {
    /// Checks the settings.
    pub(crate) fn bounds(self) -> Result<Bounds, NoInterval> {
        let lower = self.lower.as_millis().saturating_add(i64::from(self.lower_exclusive));
        let upper = self.upper.as_millis().saturating_sub(i64::from(self.upper_exclusive));
        if lower > upper {
            let exclusive = self.lower_exclusive || self.upper_exclusive;
            return Err(NoInterval { lower: self.lower, upper: self.upper, exclusive });
        }
        Ok(Bounds { lower, upper })
    }
}

/// Where the right record may be: from `left + lower` to `left + upper`, in milliseconds, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    lower: i64,
    upper: i64,
}

impl Bounds {
    /// The only instant.
    pub(crate) const SAME: Self = Self { lower: 0, upper: 0 };

    /// The first and the last time of the right records that a left one meets.
    #[inline]
    pub(crate) fn of_left(self, time: i64) -> (i64, i64) {
        (time.saturating_add(self.lower), time.saturating_add(self.upper))
    }

    /// The first and the last time of the left records that a right one meets.
    #[inline]
    pub(crate) fn of_right(self, time: i64) -> (i64, i64) {
        (time.saturating_sub(self.upper), time.saturating_sub(self.lower))
    }

    /// The first times of left and of right records that can meet a record at or after the watermark.
    pub(crate) fn alive(self, watermark: i64) -> Alive {
        let (left, right) = (watermark.saturating_sub(self.upper), watermark.saturating_add(self.lower));
        Alive { left, right }
    }

    /// How long event time takes to pass a record over.
    pub(crate) fn span(self) -> i64 {
        self.upper.saturating_sub(self.lower)
    }
}

/// From when on records may still meet others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alive {
    pub(crate) left: i64,
    pub(crate) right: i64,
}

#[cfg(test)]
mod tests {
    use super::Offset::{After, Before};
    use super::*;

    fn bounds(lower: Offset, upper: Offset, exclusive: bool) -> Result<Bounds, NoInterval> {
        Interval { lower, upper, lower_exclusive: exclusive, upper_exclusive: exclusive }.bounds()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_side_sees_the_other_through_the_same_bounds() {
        let bounds = bounds(Before(SECOND), After(3 * SECOND), false).unwrap();
        assert_eq!(bounds.of_left(10_000), (9000, 13_000));
        assert_eq!(bounds.of_right(13_000), (10_000, 14_000));
        assert_eq!(bounds.of_right(9000).1, 10_000);
    }

    #[test]
    fn exclusive_bounds_leave_a_millisecond_out() {
        let bounds = bounds(After(SECOND), After(2 * SECOND), true).unwrap();
        assert_eq!(bounds.of_left(0), (1001, 1999));
    }

    #[test]
    fn bounds_the_wrong_way_round_are_an_error() {
        let error = bounds(After(SECOND), Before(SECOND), false).unwrap_err().to_string();
        assert!(error.contains("After(1s) and Before(1s), which none can be"), "{error}");
        let error = bounds(After(SECOND), After(SECOND), true).unwrap_err().to_string();
        assert!(error.contains("exclusive, which none can be"), "{error}");
    }

    #[test]
    fn a_record_lives_until_the_watermark_has_passed_all_that_it_may_meet() {
        let bounds = bounds(Before(SECOND), After(3 * SECOND), false).unwrap();
        assert_eq!(bounds.alive(10_000), Alive { left: 7000, right: 9000 });
        assert_eq!(bounds.alive(i64::MIN), Alive { left: i64::MIN, right: i64::MIN });
    }
}
