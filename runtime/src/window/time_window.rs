//! The extent of a window.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A window: the instants from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    start: Timestamp,
    end: Timestamp,
}

impl TimeWindow {
    /// The window of all time.
    pub const GLOBAL: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// The window from `start` up to `end`.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// The first instant in the window.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after the window.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// The last instant in the window: the event time of its results. It never ends if it ends at [`Timestamp::MAX`].
    ///
    /// ```
    /// # use millstream::time::Timestamp;
    /// # use millstream::window::TimeWindow;
    /// let window = TimeWindow::new(Timestamp::from_millis(0), Timestamp::from_millis(1000));
    /// assert_eq!(window.max_timestamp(), Timestamp::from_millis(999));
    /// ```
    pub const fn max_timestamp(&self) -> Timestamp {
        if self.end.as_millis() == i64::MAX { self.end } else { self.end.pred() }
    }

    /// Whether two windows overlap or touch: sessions that do are one.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The window with its end moved to `end`, unless it ends later.
    #[must_use]
    pub(crate) fn extended(&self, end: i64) -> Self {
        Self { start: self.start, end: self.end.max(Timestamp::from_millis(end)) }
    }

    /// The smallest window that covers both.
    #[must_use]
    pub(crate) fn cover(&self, other: &Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}
