//! What has been found.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The events of a match, or of a partial match whose time is over, by stage.
///
/// ```
/// use millstream::cep::{Pattern, testing::matches};
/// use millstream::time::Timestamp;
/// let pattern = Pattern::<i64>::begin("first").next("rest").times(2);
/// let found = matches(&pattern, [1, 2, 3].map(|n| (n, Timestamp::from_millis(n))))?;
/// let stages: Vec<_> = found.matches[0].iter().collect();
/// assert_eq!(stages, [("first", &[1][..]), ("rest", &[2, 3])]);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match<E> {
    /// In order of their first events.
    stages: Vec<(Arc<str>, Vec<E>)>,
}

impl<E> Match<E> {
    pub(super) fn new() -> Self {
        Self { stages: Vec::new() }
    }

    /// Adds an event, which comes after those before.
    pub(super) fn push(&mut self, stage: &Arc<str>, event: E) {
        match self.stages.iter_mut().find(|(name, _)| Arc::ptr_eq(name, stage)) {
            Some((_, events)) => events.push(event),
            None => self.stages.push((Arc::clone(stage), vec![event])),
        }
    }

    /// The events of a stage in order; none if an optional stage has not matched, or there is no such stage.
    pub fn events(&self, stage: &str) -> &[E] {
        self.stages.iter().find(|(name, _)| &**name == stage).map_or(&[], |(_, events)| events)
    }

    /// The first event of a stage.
    pub fn get(&self, stage: &str) -> Option<&E> {
        self.events(stage).first()
    }

    /// Takes out the events of a stage.
    pub fn take(&mut self, stage: &str) -> Vec<E> {
        let found = self.stages.iter_mut().find(|(name, _)| &**name == stage);
        found.map(|(_, events)| std::mem::take(events)).unwrap_or_default()
    }

    /// The stages that have matched, in order of their first events, with their events.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[E])> {
        self.stages.iter().map(|(name, events)| (&**name, events.as_slice()))
    }
}

/// A pattern as a type of its own: its fields are the stages.
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
///     fn from_match(mut found: Match<i64>) -> millstream::Result<Self> {
///         Ok(Self { low: found.take("low")[0], high: found.take("high")[0] })
///     }
/// }
/// ```
pub trait TypedPattern: Sized {
    /// What the pattern looks at.
    type Event;

    /// What to look for.
    fn pattern() -> super::Pattern<Self::Event>;

    /// The match as this type.
    fn from_match(found: Match<Self::Event>) -> crate::Result<Self>;
}
