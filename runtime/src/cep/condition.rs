//! What an event has to be to match a stage.
//!
//! A *simple* condition looks at the event alone and is asked once per event, whatever the number of partial matches. An
//! *iterative* one also looks at what the partial match holds so far and is asked for each of them.

use std::sync::Arc;

use super::buffer::{MatchBuffer, NodeId};
use crate::Result;
use crate::time::{Clock, Timestamp};

/// What a condition may return: `bool`, or a [`Result`] of it.
///
/// ```
/// use millstream::cep::Pattern;
/// let pattern = Pattern::begin("large")
///     .where_(|text: &String| Ok::<_, anyhow::Error>(text.parse::<i64>()? > 10))
///     .where_(|text| text.len() < 8);
/// assert!(pattern.check().is_ok());
/// ```
pub trait Verdict {
    /// Whether the event matches; an error fails the job.
    fn into_result(self) -> Result<bool>;
}

impl Verdict for bool {
    #[inline]
    fn into_result(self) -> Result<bool> {
        Ok(self)
    }
}

impl Verdict for Result<bool> {
    #[inline]
    fn into_result(self) -> Result<bool> {
        self
    }
}

/// What an iterative condition can ask: the events that the partial match holds so far, and the time.
pub struct MatchContext<'a, E> {
    pub(super) buffer: &'a MatchBuffer<E>,
    /// The event that the partial match has taken last.
    pub(super) last: NodeId,
    pub(super) stages: &'a [Arc<str>],
    pub(super) time: Timestamp,
    pub(super) clock: &'a dyn Clock,
}

impl<'a, E> MatchContext<'a, E> {
    /// The events matched so far by a stage, in order; none for a stage that has not been reached or that does not exist.
    ///
    /// ```
    /// use millstream::cep::{Pattern, testing::matches};
    /// use millstream::time::Timestamp;
    /// let rising = Pattern::begin("first")
    ///     .next("second")
    ///     .where_with(|n: &i32, so_far| so_far.events("first").all(|first| first < n));
    /// let found = matches(&rising, [3, 1, 2].map(|n| (n, Timestamp::from_millis(n.into()))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn events(&self, stage: &str) -> impl DoubleEndedIterator<Item = &'a E> + ExactSizeIterator + use<'a, E> {
        let number = self.stages.iter().position(|name| &**name == stage);
        let path = number.map(|number| self.buffer.events_of(self.last, number as u16)).unwrap_or_default();
        let buffer = self.buffer;
        path.into_iter().rev().map(move |event| buffer.event(event))
    }

    /// The time of the event that is looked at: its event time, or the processing time at which it came.
    pub fn timestamp(&self) -> Timestamp {
        self.time
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A condition of a stage.
pub(super) enum Condition<E> {
    Simple(Arc<SimpleTest<E>>),
    Iterative(Arc<IterativeTest<E>>),
}

type SimpleTest<E> = dyn Fn(&E) -> Result<bool> + Send + Sync;
type IterativeTest<E> = dyn Fn(&E, &MatchContext<'_, E>) -> Result<bool> + Send + Sync;

impl<E> Clone for Condition<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Simple(test) => Self::Simple(Arc::clone(test)),
            Self::Iterative(test) => Self::Iterative(Arc::clone(test)),
        }
    }
}

impl<E: 'static> Condition<E> {
    pub(super) fn simple<V: Verdict>(test: impl Fn(&E) -> V + Send + Sync + 'static) -> Self {
        Self::Simple(Arc::new(move |event| test(event).into_result()))
    }

    pub(super) fn iterative<V: Verdict>(test: impl Fn(&E, &MatchContext<'_, E>) -> V + Send + Sync + 'static) -> Self {
        Self::Iterative(Arc::new(move |event, so_far| test(event, so_far).into_result()))
    }

    pub(super) fn is_iterative(&self) -> bool {
        matches!(self, Self::Iterative(_))
    }

    #[inline]
    pub(super) fn test(&self, event: &E, so_far: &MatchContext<'_, E>) -> Result<bool> {
        match self {
            Self::Simple(test) => test(event),
            Self::Iterative(test) => test(event, so_far),
        }
    }

    /// Holds if both do.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Simple(a), Self::Simple(b)) => Self::Simple(Arc::new(move |event| Ok(a(event)? && b(event)?))),
            (a, b) => {
                Self::Iterative(Arc::new(move |event, so_far| Ok(a.test(event, so_far)? && b.test(event, so_far)?)))
            }
        }
    }

    /// Holds if either does.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Simple(a), Self::Simple(b)) => Self::Simple(Arc::new(move |event| Ok(a(event)? || b(event)?))),
            (a, b) => {
                Self::Iterative(Arc::new(move |event, so_far| Ok(a.test(event, so_far)? || b.test(event, so_far)?)))
            }
        }
    }
}
