//! Complex event processing: patterns in the events of a key.
//!
//! A [`Pattern`] is a row of stages, each with a condition on its events, with what may lie between them, and with how often
//! it matches. Terms and behaviour are those of Flink's library. [`KeyedStream::pattern`] looks for a pattern in a
//! stream; [`testing::matches`] in a slice.
//!
//! [`KeyedStream::pattern`]: crate::stream::KeyedStream::pattern

mod after_match;
mod buffer;
mod codec;
mod compiler;
mod condition;
mod due;
mod error;
mod found;
mod graph;
mod matching;
mod nfa;
pub(crate) mod operator;
mod pattern;
pub(crate) mod process;
mod quantifier;
mod row;
mod run;
pub mod testing;

pub use after_match::{AfterMatch, SkipTo};
pub use condition::{MatchContext, Verdict};
pub use error::PatternError;
pub use found::{Match, TypedPattern};
pub(crate) use nfa::Nfa;
pub use pattern::Pattern;
pub use process::{PatternContext, PatternProcess};
pub use quantifier::Times;
