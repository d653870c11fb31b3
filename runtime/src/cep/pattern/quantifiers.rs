//! How often a stage is to match.

use std::time::Duration;

use super::Pattern;
use crate::cep::quantifier::{Contiguity, Repeat, Times};

impl<E: 'static> Pattern<E> {
    /// Has the stage match so often: `3`, `2..=4`, or `2..` for that often or more. From 0 on makes it optional, too.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').times(2..=3).next("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['a', 'a', 'a', 'b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn times(self, times: impl Into<Times>) -> Self {
        let times = times.into();
        match times {
            Times { from: 0, to: None | Some(0) } => {
                self.refuse("times", "it is to match at least once; see `optional`")
            }
            Times { from, to: None } => self.repeat("times", Repeat::OrMore(from)),
            Times { from, to: Some(to) } if to < from => self.refuse("times", "the upper bound is below the lower one"),
            Times { from: 0, to: Some(to) } => {
                let mut pattern = self.repeat("times", Repeat::Times(1, to));
                pattern.last().quantifier.is_optional = true;
                pattern
            }
            Times { from, to: Some(to) } => self.repeat("times", Repeat::Times(from, to)),
        }
    }

    /// Has the stage match any number of times, but once at least.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').followed_by("b").where_(|c| *c == 'b').one_or_more();
    /// let found = matches(&pattern, ['a', 'b', 'c', 'b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn one_or_more(self) -> Self {
        self.repeat("one_or_more", Repeat::OrMore(1))
    }

    /// Has the pattern match without the stage, too. To be called after [`Pattern::times`] and [`Pattern::one_or_more`].
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').optional().next("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn optional(mut self) -> Self {
        if self.last().contiguity.is_not() {
            return self.refuse("optional", "what is not to be cannot be optional");
        }
        if self.last().quantifier.is_optional {
            return self.refuse("optional", "it is already");
        }
        if self.stages.len() > 1 && self.stages[self.stages.len() - 2].quantifier.is_greedy {
            return self.refuse("optional", "the stage before it is greedy");
        }
        self.last().quantifier.is_optional = true;
        self
    }

    /// Has the stage take an event that the next stage could take as well.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("small").where_(|n: &i64| *n < 5).one_or_more().greedy();
    /// let pattern = pattern.next("any").where_(|n| *n < 9);
    /// let found = matches(&pattern, [1, 2, 7].map(|n| (n, Timestamp::from_millis(n))))?;
    /// assert!(found.matches.iter().all(|found| found.events("any") == [7]));
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn greedy(mut self) -> Self {
        let stage = self.last();
        if stage.contiguity.is_not() {
            return self.refuse("greedy", "what is not to be takes nothing");
        }
        if stage.group.is_some() {
            return self.refuse("greedy", "it is a group: make the stages in it greedy");
        }
        if stage.quantifier.inner == Contiguity::Any {
            return self.refuse("greedy", "it has `allow_combinations`");
        }
        if stage.quantifier.repeat == Repeat::Once {
            return self.refuse("greedy", "it matches once: call `times` or `one_or_more` first");
        }
        stage.quantifier.is_greedy = true;
        self
    }

    /// Has the stage's events come directly one after the other.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').times(2).consecutive();
    /// let found = matches(&pattern, ['a', 'b', 'a', 'a'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn consecutive(self) -> Self {
        self.inner("consecutive", Contiguity::Strict)
    }

    /// Has any events lie between the stage's own, matching ones too: each choice makes a match.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').times(2).allow_combinations();
    /// let found = matches(&pattern, ['a', 'a', 'a'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 3);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn allow_combinations(self) -> Self {
        self.inner("allow_combinations", Contiguity::Any)
    }

    /// Limits the time between events of the stage: Flink's `times(n, time)`.
    ///
    /// As there, the last repetition is not limited, but the first is, by the event before the stage.
    #[must_use]
    pub fn repeats_within(mut self, time: Duration) -> Self {
        if self.last().quantifier.repeat == Repeat::Once {
            return self.refuse("repeats_within", "it matches once: call `times` or `one_or_more` first");
        }
        let time = self.limit(time);
        self.last().repeats_within = time;
        self
    }

    fn repeat(mut self, what: &'static str, repeat: Repeat) -> Self {
        let stage = self.last();
        if stage.contiguity.is_not() {
            return self.refuse(what, "what is not to be is not repeated");
        }
        if stage.quantifier.repeat != Repeat::Once {
            return self.refuse(what, "it has been told already how often it is to match");
        }
        if stage.quantifier.is_optional {
            return self.refuse(what, "it is optional already: call `optional` afterwards");
        }
        stage.quantifier.repeat = repeat;
        self
    }

    fn inner(mut self, what: &'static str, inner: Contiguity) -> Self {
        let quantifier = &mut self.last().quantifier;
        if quantifier.repeat == Repeat::Once {
            return self.refuse(what, "it matches once: call `times` or `one_or_more` first");
        }
        if quantifier.inner != Contiguity::Relaxed {
            return self.refuse(what, "it has `consecutive` or `allow_combinations` already");
        }
        quantifier.inner = inner;
        self
    }
}
