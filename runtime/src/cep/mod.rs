//! Complex event processing: patterns in the events of a key.
//!
//! A [`Pattern`](struct@Pattern) is a row of stages, each with a condition on its events, with what may lie between them, and
//! with how often it matches. [`KeyedStream::pattern`] looks for it in the events of each key, in order of their times;
//! [`testing::matches`] in a few events, without a job.
//!
//! ```
//! use millstream::cep::{AfterMatch, Pattern, testing::matches};
//! use millstream::time::Timestamp;
//! # use std::time::Duration;
//!
//! let failures = Pattern::begin("failures")
//!     .where_(|event: &&str| *event == "failure")
//!     .times(2..)
//!     .followed_by("success")
//!     .where_(|event| *event == "success")
//!     .within(Duration::from_secs(60))
//!     .after_match(AfterMatch::SkipPastLastEvent);
//! let events = ["failure", "failure", "failure", "success"];
//! let found = matches(&failures, events.map(|event| (event, Timestamp::from_millis(1))))?;
//! assert_eq!(found.matches[0].events("failures").len(), 3);
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! A pattern can be a type of its own, whose fields are the stages: see the derive [`macro@Pattern`] and [`TypedPattern`].
//!
//! # As in Flink
//!
//! The same pattern finds the same matches as in Flink 2.2, also where one would not expect them:
//!
//! * The shortest `within` of all stages, those in groups too, limits the whole match. But for `not_followed_by` at the end it
//!   has to stand on that stage: `a.within(t).not_followed_by("b")` finds each `a` at once.
//! * [`repeats_within`](Pattern::repeats_within) limits the time before the first of the stage's events, too, and not that
//!   before the last one. [`within_previous`](Pattern::within_previous) has no effect on a repeated stage, nor on one behind
//!   an optional stage that `not_followed_by` stands before.
//! * `not_followed_by` behind a repeated stage forbids the event between that stage's events, too.
//! * [`until`](Pattern::until) is asked before the condition of the stage: the event that ends a loop is not taken by it.
//! * One cannot skip to a stage inside a group.
//! * Of matches that began with the same event, which one is found first, and so what it skips, is decided by the order of
//!   a binary heap.
//! * If several limits of time end by the same watermark, a match among them does not skip the others, which time out.
//!
//! # Unlike Flink
//!
//! * Limits between neighbours are noticed by the watermark, too, not only with the key's next event.
//! * What a limit of time ends has that limit's time, whatever the watermark is; if it sets free a match that has waited for
//!   it, so has that match. Flink gives matches the watermark's.
//! * In processing time, limits end to the millisecond; Flink's timers are one later. Times before 1970 have limits, too.
//! * Some patterns that break Flink down (a `NullPointerException`) work: a pattern that begins with a group of optional stages
//!   only, with what must not be behind it; a greedy, optional loop with `until` behind an optional stage behind
//!   `not_followed_by`.
//! * Behind a stage that must not follow, a match that ends where an optional greedy loop could begin does not always end what
//!   waits for that loop, though results are to skip past it: it may time out, which in Flink it does not. A defect, in about one
//!   of 2000 random patterns.
//! * What could only fail at run time is refused: a repeated group that may match no event, in which Flink runs in circles;
//!   a loop that takes any later event, with nothing that ends it; and `optional` before `times`, which Flink forgets.
//!
//! # How it works
//!
//! A pattern is compiled to an automaton, for which each key has partial matches; their events are shared (see `buffer`).
//! A key costs memory as long as it has events that wait for the watermark, or partial matches: so give patterns a `within`.
//!
//! [`KeyedStream::pattern`]: crate::stream::KeyedStream::pattern

mod after_match;
mod annotated;
mod buffer;
mod codec;
mod compiler;
mod condition;
mod error;
mod found;
mod graph;
mod matching;
mod nfa;
pub(crate) mod operator;
#[cfg(test)]
mod operator_tests;
mod pattern;
pub(crate) mod process;
mod quantifier;
mod row;
mod run;
pub mod testing;
pub(crate) mod typed;

pub use after_match::{AfterMatch, SkipTo};
pub use annotated::PatternOperator;
pub use condition::{MatchContext, Verdict};
pub use error::PatternError;
pub use found::Match;
pub use millstream_macros::Pattern;
pub(crate) use nfa::Nfa;
pub use pattern::Pattern;
pub use process::{PatternContext, PatternProcess};
pub use quantifier::Times;
pub use typed::{PatternGroup, RepeatedGroup, TypedPattern};
