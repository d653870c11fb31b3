//! Patterns that cannot be.

/// A pattern that cannot be: found when the job is planned, before it starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Two stages of one name.
    #[error("the pattern has two stages named `{0}`: stages are told apart by their names, so give each its own")]
    DuplicateStage(String),
    /// A strategy that skips to a stage which is not there.
    #[error("after a match is to be skipped to stage `{stage}`, which the pattern does not have: it has {known}")]
    UnknownStage {
        /// The stage asked for.
        stage: String,
        /// The stages there are, those in groups aside.
        known: String,
    },
    /// A pattern that ends with `not_followed_by` and could never be known to match.
    #[error("the pattern ends with `not_followed_by(\"{0}\")` and has no `within`: say how long nothing may follow")]
    EndlessNot(String),
    /// `not_next` or `not_followed_by` behind an optional stage.
    #[error(
        "`{not}` stands behind stage `{optional}`, which is optional: use two patterns, one with and one without that stage"
    )]
    NotAfterOptional {
        /// The stage that is not to be.
        not: String,
        /// The optional stage.
        optional: String,
    },
    /// A quantifier that the stage cannot have.
    #[error("stage `{stage}` cannot have `{what}`: {why}")]
    Quantifier {
        /// The stage.
        stage: String,
        /// The method called.
        what: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// Neighbours may be further apart than the whole match may be long.
    #[error(
        "stage `{stage}` may come {gap_ms} ms after the event before it, but the whole match may take {within_ms} ms only: \
         make `within_previous` no longer than `within`"
    )]
    GapTooLong {
        /// The stage.
        stage: String,
        /// What `within_previous` allows, in milliseconds.
        gap_ms: i64,
        /// What `within` allows, in milliseconds.
        within_ms: i64,
    },
    /// A time limit that is none.
    #[error("stage `{stage}` has a time limit of {given:?}: it must be at least one millisecond")]
    NoTime {
        /// The stage.
        stage: String,
        /// What was given.
        given: std::time::Duration,
    },
    /// A pattern with more states than can be.
    #[error("the pattern repeats its stages too often: it would have about {states} states, and may have {limit}")]
    TooLarge {
        /// How many states it would have.
        states: u64,
        /// How many it may have.
        limit: u64,
    },
    /// A loop around what may match nothing.
    #[error(
        "the group that begins with stage `{0}` is repeated and may match no event at all: make one of its stages mandatory"
    )]
    EmptyLoop(String),
    /// A group with a strategy of its own.
    #[error("the group that begins with stage `{0}` has an `after_match` of its own: it belongs to the whole pattern")]
    GroupAfterMatch(String),
    /// State that would grow for ever.
    #[error(
        "stage `{0}` is repeated without end, any events between: partial matches would be kept for ever, and ever more of them. \
         Limit them by `within` or `until`"
    )]
    UnboundedLoop(String),
}
