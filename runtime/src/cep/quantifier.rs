//! How often a stage is to match, and what may lie between its events.

use std::ops::{RangeFrom, RangeInclusive};

/// How often a stage is to match: `3`, `2..=4`, or `2..` for that often or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub(super) from: u32,
    /// `None` for any number.
    pub(super) to: Option<u32>,
}

impl From<u32> for Times {
    fn from(times: u32) -> Self {
        Self { from: times, to: Some(times) }
    }
}

impl From<RangeInclusive<u32>> for Times {
    fn from(times: RangeInclusive<u32>) -> Self {
        Self { from: *times.start(), to: Some(*times.end()) }
    }
}

impl From<RangeFrom<u32>> for Times {
    fn from(times: RangeFrom<u32>) -> Self {
        Self { from: times.start, to: None }
    }
}

/// What may lie between an event and the one matched before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contiguity {
    /// Nothing.
    Strict,
    /// Events that do not match.
    Relaxed,
    /// Any events.
    Any,
    /// The stage's events may not come directly afterwards.
    NotNext,
    /// The stage's events may not come before those of the next stage, or before the time is over.
    NotFollowed,
}

impl Contiguity {
    pub(super) fn is_not(self) -> bool {
        matches!(self, Self::NotNext | Self::NotFollowed)
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Once,
    /// So often; the upper bound is at least the lower one, which is not zero.
    Times(u32, u32),
    /// That often or more.
    OrMore(u32),
}

/// How often, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantifier {
    pub(super) repeat: Repeat,
    pub(super) is_optional: bool,
    pub(super) is_greedy: bool,
    /// Between the stage's own events.
    pub(super) inner: Contiguity,
}

impl Default for Quantifier {
    fn default() -> Self {
        Self { repeat: Repeat::Once, is_optional: false, is_greedy: false, inner: Contiguity::Relaxed }
    }
}

impl Quantifier {
    pub(super) fn is_loop(self) -> bool {
        matches!(self.repeat, Repeat::OrMore(_))
    }
}
