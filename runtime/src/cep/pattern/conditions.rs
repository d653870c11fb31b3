//! What the events of a stage have to be, and how long a match may take.

use std::time::Duration;

use super::Pattern;
use crate::cep::condition::{Condition, MatchContext, Verdict};
use crate::cep::error::PatternError;

const ON_GROUP: &str = "a group has no condition: give its stages theirs";

impl<E: 'static> Pattern<E> {
    /// Asks of the stage's events that they fulfil a condition, beside those it has.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("digit").where_(|n: &i64| *n >= 0).where_(|n| *n < 10);
    /// let found = matches(&pattern, [-1, 7, 12].map(|n| (n, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn where_<V: Verdict>(self, condition: impl Fn(&E) -> V + Send + Sync + 'static) -> Self {
        self.restrict("where_", Condition::simple(condition))
    }

    /// [`Pattern::where_`] with a condition that sees what the partial match holds so far.
    ///
    /// It is asked for every partial match, [`Pattern::where_`] once per event.
    #[must_use]
    pub fn where_with<V: Verdict>(
        self,
        condition: impl Fn(&E, &MatchContext<'_, E>) -> V + Send + Sync + 'static,
    ) -> Self {
        self.restrict("where_with", Condition::iterative(condition))
    }

    /// Takes events that fulfil this condition, too: the stage's conditions so far, or this one.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("extreme").where_(|n: &i64| *n < 0).or(|n| *n > 9);
    /// let found = matches(&pattern, [-1, 7, 12].map(|n| (n, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn or<V: Verdict>(self, condition: impl Fn(&E) -> V + Send + Sync + 'static) -> Self {
        self.widen("or", Condition::simple(condition))
    }

    /// [`Pattern::or`] with a condition that sees what the partial match holds so far.
    #[must_use]
    pub fn or_with<V: Verdict>(
        self,
        condition: impl Fn(&E, &MatchContext<'_, E>) -> V + Send + Sync + 'static,
    ) -> Self {
        self.widen("or_with", Condition::iterative(condition))
    }

    /// Asks of the stage's events that they are of a kind: that there is something to extract from them.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// enum Event { Login, Purchase(u64) }
    /// let large = Pattern::begin("large").subtype(
    ///     |event| match event { Event::Purchase(price) => Some(price), Event::Login => None },
    ///     |price| *price > 10,
    /// );
    /// let events = [Event::Login, Event::Purchase(5), Event::Purchase(50)].map(std::sync::Arc::new);
    /// # let _ = (large, events);
    /// ```
    #[must_use]
    pub fn subtype<S: ?Sized, V: Verdict>(
        self,
        extract: impl for<'a> Fn(&'a E) -> Option<&'a S> + Send + Sync + 'static,
        condition: impl Fn(&S) -> V + Send + Sync + 'static,
    ) -> Self {
        self.where_(move |event: &E| extract(event).map_or(Ok(false), |subtype| condition(subtype).into_result()))
    }

    /// Ends the stage's loop with an event, which the loop does not take: later events are no longer added to what it has
    /// taken so far.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').one_or_more().until(|c| *c == 'x');
    /// let found = matches(&pattern, ['a', 'x', 'a'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn until<V: Verdict>(self, condition: impl Fn(&E) -> V + Send + Sync + 'static) -> Self {
        self.end_loop("until", Condition::simple(condition))
    }

    /// [`Pattern::until`] with a condition that sees what the partial match holds so far.
    #[must_use]
    pub fn until_with<V: Verdict>(
        self,
        condition: impl Fn(&E, &MatchContext<'_, E>) -> V + Send + Sync + 'static,
    ) -> Self {
        self.end_loop("until_with", Condition::iterative(condition))
    }

    /// Limits the time from the first to the last event of a match: the last one comes less than that after the first.
    /// Of several limits in a pattern the shortest counts.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// # use std::time::Duration;
    /// let pair = Pattern::<i64>::begin("a").next("b").within(Duration::from_millis(10));
    /// let found = matches(&pair, [0, 5, 15].map(|at| (at, Timestamp::from_millis(at))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        let time = self.limit(time);
        self.last().within = time;
        self
    }

    /// Limits the time between the stage's event and the one matched before it.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// # use std::time::Duration;
    /// let pattern = Pattern::<i64>::begin("a").next("b").within_previous(Duration::from_millis(6)).next("c");
    /// let found = matches(&pattern, [0, 5, 15].map(|at| (at, Timestamp::from_millis(at))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn within_previous(mut self, time: Duration) -> Self {
        let time = self.limit(time);
        self.last().within_previous = time;
        self
    }

    /// In milliseconds.
    pub(super) fn limit(&mut self, time: Duration) -> Option<i64> {
        if time < Duration::from_millis(1) {
            let stage = self.last().name.to_string();
            self.note(PatternError::NoTime { stage, given: time });
        }
        Some(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }

    fn restrict(mut self, what: &'static str, condition: Condition<E>) -> Self {
        let stage = self.last();
        if stage.group.is_some() {
            return self.refuse(what, ON_GROUP);
        }
        stage.condition = Some(match stage.condition.take() {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    fn widen(mut self, what: &'static str, condition: Condition<E>) -> Self {
        let stage = self.last();
        if stage.group.is_some() {
            return self.refuse(what, ON_GROUP);
        }
        stage.condition = Some(match stage.condition.take() {
            Some(before) => before.or(condition),
            None => condition,
        });
        self
    }

    fn end_loop(mut self, what: &'static str, condition: Condition<E>) -> Self {
        let stage = self.last();
        if !stage.quantifier.is_loop() {
            return self.refuse(what, "it ends a loop: call `one_or_more()` or `times(n..)` first");
        }
        if stage.until.replace(condition).is_some() {
            return self.refuse(what, "it has one already");
        }
        self
    }
}
