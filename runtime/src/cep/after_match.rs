//! Which other matches are given up when one has been found.

/// Which other matches are given up when one has been found.
///
/// With anything but [`AfterMatch::NoSkip`], matches come in order of their first events, so that one may have to wait
/// for an earlier partial match to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AfterMatch {
    /// None: every match is found.
    #[default]
    NoSkip,
    /// Those that began with the same event.
    SkipToNext,
    /// Those that began before the match ended.
    SkipPastLastEvent,
    /// Those that began before the first event of a stage.
    SkipToFirst(SkipTo),
    /// Those that began before the last event of a stage.
    SkipToLast(SkipTo),
}

/// The stage to skip to, and what happens if a match has no event of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkipTo {
    pub(super) stage: String,
    pub(super) fails_on_miss: bool,
}

impl AfterMatch {
    /// Gives up matches that began before the first event of a stage.
    ///
    /// ```
    /// use millstream::cep::{AfterMatch, Pattern};
    /// let pattern = Pattern::<u64>::begin("a").next("b").after_match(AfterMatch::skip_to_first("b"));
    /// assert!(pattern.check().is_ok());
    /// ```
    pub fn skip_to_first(stage: &str) -> Self {
        Self::SkipToFirst(SkipTo { stage: stage.to_owned(), fails_on_miss: false })
    }

    /// Gives up matches that began before the last event of a stage.
    ///
    /// ```
    /// use millstream::cep::{AfterMatch, Pattern};
    /// let pattern = Pattern::<u64>::begin("a").next("b").after_match(AfterMatch::skip_to_last("b"));
    /// assert!(pattern.check().is_ok());
    /// ```
    pub fn skip_to_last(stage: &str) -> Self {
        Self::SkipToLast(SkipTo { stage: stage.to_owned(), fails_on_miss: false })
    }

    /// Has the job fail if a match has no event of the stage to skip to, or begins with that event; otherwise nothing is
    /// skipped then. Without effect if there is no such stage.
    ///
    /// ```
    /// use millstream::cep::{AfterMatch, Pattern, testing::matches};
    /// use millstream::time::Timestamp;
    /// let strict = AfterMatch::skip_to_first("a").throw_exception_on_miss();
    /// let pattern = Pattern::<u64>::begin("a").after_match(strict);
    /// assert!(matches(&pattern, [(1, Timestamp::from_millis(1))]).is_err());
    /// ```
    #[must_use]
    pub fn throw_exception_on_miss(mut self) -> Self {
        if let Self::SkipToFirst(to) | Self::SkipToLast(to) = &mut self {
            to.fails_on_miss = true;
        }
        self
    }

    /// The stage to skip to.
    pub(super) fn stage(&self) -> Option<&str> {
        match self {
            Self::SkipToFirst(to) | Self::SkipToLast(to) => Some(&to.stage),
            Self::NoSkip | Self::SkipToNext | Self::SkipPastLastEvent => None,
        }
    }
}
