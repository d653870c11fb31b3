//! Patterns as types: the fields of a struct are the stages, and a match is a value of it.

use super::found::Match;
use super::pattern::Pattern;
use crate::Result;

/// A pattern as a type of its own. `#[derive(Pattern)]` implements it for a struct whose fields are the stages.
///
/// ```
/// use millstream::cep::{Match, Pattern, TypedPattern};
/// struct Rise { low: i64, high: i64 }
///
/// impl TypedPattern for Rise {
///     type Event = i64;
///     fn pattern() -> Pattern<i64> {
///         Pattern::begin("low").next("high").where_with(|n, so_far| so_far.events("low").all(|low| low < n))
///     }
///     fn from_match(found: &mut Match<i64>) -> millstream::Result<Self> {
///         Ok(Self { low: found.take_one("low")?, high: found.take_one("high")? })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pattern",
    label = "this is not a pattern",
    note = "a pattern is a struct with `#[derive(Pattern)]` and `#[pattern(event = ..)]`, whose fields are the stages"
)]
pub trait TypedPattern: Sized {
    /// What the pattern looks at.
    type Event;

    /// What to look for.
    fn pattern() -> Pattern<Self::Event>;

    /// The match as this type, which takes the events out of it. Those of stages that are not its own stay.
    fn from_match(found: &mut Match<Self::Event>) -> Result<Self>;
}

/// A typed pattern that can be a group in another one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a group in a pattern",
    label = "this is not a group",
    note = "a group is a struct with `#[derive(Pattern)]` and without `after_match`, which belongs to the whole pattern"
)]
pub trait PatternGroup: TypedPattern {
    /// Whether the match has an event of one of the group's stages.
    fn is_in(found: &Match<Self::Event>) -> bool;
}

/// A group that can be repeated: each of its stages has the same number of events in every round, so that the events of one
/// round can be told from those of the next.
///
/// [`TypedPattern::from_match`] takes the first events of each stage, as many as belong to one round.
#[diagnostic::on_unimplemented(
    message = "the events of one `{Self}` cannot be told from those of the next",
    label = "this group cannot be repeated",
    note = "stages of a repeated group have a fixed number of events: `Event`, or `Vec<Event>` with `times = 2`",
    note = "for others, write the pattern by hand and look at the `Match`"
)]
pub trait RepeatedGroup: PatternGroup {}

/// The group of a match.
pub fn group<G: PatternGroup>(found: &mut Match<G::Event>) -> Result<G> {
    G::from_match(found)
}

/// The rounds of a repeated group.
pub fn rounds<G: RepeatedGroup>(found: &mut Match<G::Event>) -> Result<Vec<G>> {
    let mut rounds = Vec::new();
    while G::is_in(found) {
        rounds.push(G::from_match(found)?);
    }
    Ok(rounds)
}

/// The group, if the match has events of it.
pub fn optional_group<G: PatternGroup>(found: &mut Match<G::Event>) -> Result<Option<G>> {
    if G::is_in(found) { G::from_match(found).map(Some) } else { Ok(None) }
}
