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

    /// Takes out the first event of a stage, so that the next one is now the first.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pair = Pattern::<i64>::begin("pair").times(2);
    /// let mut found = matches(&pair, [1, 2].map(|n| (n, Timestamp::from_millis(n))))?.matches.remove(0);
    /// assert_eq!((found.take_first("pair"), found.events("pair")), (Some(1), &[2][..]));
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn take_first(&mut self, stage: &str) -> Option<E> {
        let (_, events) = self.stages.iter_mut().find(|(name, _)| &**name == stage)?;
        (!events.is_empty()).then(|| events.remove(0))
    }

    /// Takes out the first event of a stage that is not optional. Fails if there is none.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let found = matches(&Pattern::<i64>::begin("first"), [(7, Timestamp::from_millis(7))])?;
    /// let mut found = found.matches.into_iter().next().expect("a match");
    /// assert_eq!(found.take_one("first")?, 7);
    /// assert!(found.take_one("first").is_err());
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn take_one(&mut self, stage: &str) -> crate::Result<E> {
        self.take_first(stage).ok_or_else(|| NoEvent(stage.to_owned()).into())
    }

    /// Takes out the first `count` events of a stage, or all if there are fewer.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let three = Pattern::<i64>::begin("three").times(3);
    /// let mut found = matches(&three, [1, 2, 3].map(|n| (n, Timestamp::from_millis(n))))?.matches.remove(0);
    /// assert_eq!((found.take_some("three", 2), found.take("three")), (vec![1, 2], vec![3]));
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn take_some(&mut self, stage: &str, count: usize) -> Vec<E> {
        let found = self.stages.iter_mut().find(|(name, _)| &**name == stage);
        found.map(|(_, events)| events.drain(..count.min(events.len())).collect()).unwrap_or_default()
    }

    /// The stages that have matched, in order of their first events, with their events.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[E])> {
        self.stages.iter().map(|(name, events)| (&**name, events.as_slice()))
    }
}

/// A match without an event of a stage that always has one.
#[derive(Debug, thiserror::Error)]
#[error("the match has no event of stage `{0}`: if the stage is optional, take it by `take_first`")]
struct NoEvent(String);
