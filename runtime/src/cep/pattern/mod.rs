//! Patterns as they are described: stages in a row, each with a condition and a quantifier.
//!
//! A pattern is data and closures; it is compiled and checked when a job is planned. A mistake made on the way is kept, so
//! that building needs no `?`, and reported by [`Pattern::check`] and by the plan: the first one counts.

mod conditions;
mod quantifiers;
mod stages;

use std::sync::Arc;

use super::after_match::AfterMatch;
use super::condition::Condition;
use super::error::PatternError;
use super::nfa::Nfa;
use super::quantifier::{Contiguity, Quantifier};

/// A sequence of stages to look for in the events of each key.
///
/// Made by [`Pattern::begin`]; methods such as [`Pattern::where_`] speak of the stage added last.
///
/// ```
/// use millstream::cep::{Pattern, testing::matches};
/// use millstream::time::Timestamp;
/// let pattern = Pattern::begin("login")
///     .where_(|event: &&str| *event == "login")
///     .followed_by("purchase")
///     .where_(|event| *event == "purchase");
/// let found = matches(&pattern, ["login", "click", "purchase"].map(|event| (event, Timestamp::from_millis(1))))?;
/// assert_eq!(found.matches[0].events("purchase"), ["purchase"]);
/// # Ok::<(), anyhow::Error>(())
/// ```
pub struct Pattern<E> {
    /// At least one.
    pub(super) stages: Vec<Stage<E>>,
    pub(super) after_match: AfterMatch,
    /// The first mistake.
    pub(super) mistake: Option<PatternError>,
}

impl<E> Clone for Pattern<E> {
    fn clone(&self) -> Self {
        Self { stages: self.stages.clone(), after_match: self.after_match.clone(), mistake: self.mistake.clone() }
    }
}

impl<E> std::fmt::Debug for Pattern<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.stages.iter().map(|stage| &*stage.name).collect();
        f.debug_struct("Pattern").field("stages", &names).field("after_match", &self.after_match).finish()
    }
}

/// One stage, or a group of them.
pub(super) struct Stage<E> {
    /// A group has that of its first stage, which its messages then speak of.
    pub(super) name: Arc<str>,
    /// The stages of a group.
    pub(super) group: Option<Vec<Self>>,
    pub(super) contiguity: Contiguity,
    /// `None` for any event.
    pub(super) condition: Option<Condition<E>>,
    pub(super) quantifier: Quantifier,
    pub(super) until: Option<Condition<E>>,
    /// The longest time from the first to the last event of the match, in milliseconds.
    pub(super) within: Option<i64>,
    /// The longest time since the event before, in milliseconds.
    pub(super) within_previous: Option<i64>,
    /// The longest time between the stage's own events, in milliseconds.
    pub(super) repeats_within: Option<i64>,
}

impl<E> Clone for Stage<E> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            group: self.group.clone(),
            contiguity: self.contiguity,
            condition: self.condition.clone(),
            quantifier: self.quantifier,
            until: self.until.clone(),
            within: self.within,
            within_previous: self.within_previous,
            repeats_within: self.repeats_within,
        }
    }
}

impl<E> Stage<E> {
    fn new(name: Arc<str>, contiguity: Contiguity) -> Self {
        Self {
            name,
            group: None,
            contiguity,
            condition: None,
            quantifier: Quantifier::default(),
            until: None,
            within: None,
            within_previous: None,
            repeats_within: None,
        }
    }
}

impl<E: 'static> Pattern<E> {
    /// Whether a job could look for the pattern.
    ///
    /// ```
    /// # use millstream::cep::Pattern;
    /// let pattern = Pattern::<u64>::begin("a").followed_by_any("b").one_or_more();
    /// assert!(pattern.check().unwrap_err().to_string().contains("Limit them by `within` or `until`"));
    /// ```
    pub fn check(&self) -> Result<(), PatternError> {
        Nfa::bounded(self).map(|_| ())
    }

    /// Sets which other matches are given up when one has been found; none unless set.
    ///
    /// ```
    /// # use millstream::cep::{AfterMatch, Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pairs = Pattern::<i64>::begin("one").next("two").after_match(AfterMatch::SkipPastLastEvent);
    /// let found = matches(&pairs, [1, 2, 3, 4].map(|n| (n, Timestamp::from_millis(n))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn after_match(mut self, after_match: AfterMatch) -> Self {
        self.after_match = after_match;
        self
    }

    /// The stage added last.
    fn last(&mut self) -> &mut Stage<E> {
        self.stages.last_mut().expect("invariant: a pattern has stages")
    }

    fn note(&mut self, mistake: PatternError) {
        self.mistake.get_or_insert(mistake);
    }

    /// Notes that the stage added last cannot have what was asked for.
    fn refuse(mut self, what: &'static str, why: &'static str) -> Self {
        let stage = self.last().name.to_string();
        self.note(PatternError::Quantifier { stage, what, why });
        self
    }
}
