//! Stages in a row: how one is added to a pattern.

use std::sync::Arc;

use super::{Pattern, Stage};
use crate::cep::after_match::AfterMatch;
use crate::cep::error::PatternError;
use crate::cep::quantifier::Contiguity;

impl<E: 'static> Pattern<E> {
    /// A pattern that begins with a stage.
    ///
    /// ```
    /// # use millstream::cep::Pattern;
    /// let any_number = Pattern::<u64>::begin("any");
    /// assert!(any_number.check().is_ok());
    /// ```
    pub fn begin(stage: &str) -> Self {
        let first = Stage::new(Arc::from(stage), Contiguity::Strict);
        Self { stages: vec![first], after_match: AfterMatch::NoSkip, mistake: None }
    }

    /// A pattern that begins with a group: a pattern that quantifiers speak of as a whole.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pair = Pattern::begin("a").where_(|n: &i64| n % 2 == 1).next("b").where_(|n| n % 2 == 0);
    /// let two_pairs = Pattern::begin_group(pair).times(2).consecutive();
    /// let found = matches(&two_pairs, [1, 2, 3, 4].map(|n| (n, Timestamp::from_millis(n))))?;
    /// assert_eq!(found.matches[0].events("a"), [1, 3]);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn begin_group(group: Self) -> Self {
        Self { stages: Vec::new(), after_match: AfterMatch::NoSkip, mistake: None }.add_group(group, Contiguity::Strict)
    }

    /// Adds a stage whose event comes directly after the one before.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').next("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['a', 'c', 'b', 'a', 'b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn next(self, stage: &str) -> Self {
        self.add(stage, Contiguity::Strict)
    }

    /// Adds a stage whose event is the next that matches, whatever else comes before it.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').followed_by("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['a', 'c', 'b', 'b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn followed_by(self, stage: &str) -> Self {
        self.add(stage, Contiguity::Relaxed)
    }

    /// Adds a stage whose event is any later one that matches: each makes a match of its own.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').followed_by_any("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['a', 'c', 'b', 'b'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn followed_by_any(self, stage: &str) -> Self {
        self.add(stage, Contiguity::Any)
    }

    /// Adds what may not come directly after the stage before.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').not_next("b").where_(|c| *c == 'b');
    /// let found = matches(&pattern, ['a', 'b', 'a', 'c'].map(|c| (c, Timestamp::from_millis(1))))?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn not_next(self, stage: &str) -> Self {
        self.add_not(stage, Contiguity::NotNext)
    }

    /// Adds what may not come between the stages before and after it, or, at the end, within the time that the match may
    /// take.
    ///
    /// ```
    /// # use millstream::cep::{Pattern, testing::matches};
    /// # use millstream::time::Timestamp;
    /// # use std::time::Duration;
    /// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').not_followed_by("b").where_(|c| *c == 'b');
    /// let events = [('a', 1), ('b', 2), ('a', 3)].map(|(c, at)| (c, Timestamp::from_millis(at)));
    /// let found = matches(&pattern.within(Duration::from_secs(1)), events)?;
    /// assert_eq!(found.matches.len(), 1);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn not_followed_by(self, stage: &str) -> Self {
        self.add_not(stage, Contiguity::NotFollowed)
    }

    /// [`Pattern::next`] for a group.
    #[must_use]
    pub fn next_group(self, group: Self) -> Self {
        self.add_group(group, Contiguity::Strict)
    }

    /// [`Pattern::followed_by`] for a group.
    #[must_use]
    pub fn followed_by_group(self, group: Self) -> Self {
        self.add_group(group, Contiguity::Relaxed)
    }

    /// [`Pattern::followed_by_any`] for a group.
    #[must_use]
    pub fn followed_by_any_group(self, group: Self) -> Self {
        self.add_group(group, Contiguity::Any)
    }

    fn add(mut self, stage: &str, contiguity: Contiguity) -> Self {
        self.stages.push(Stage::new(Arc::from(stage), contiguity));
        self
    }

    fn add_not(mut self, stage: &str, contiguity: Contiguity) -> Self {
        let before = self.last();
        if before.quantifier.is_optional {
            let optional = before.name.to_string();
            self.note(PatternError::NotAfterOptional { not: stage.to_owned(), optional });
        }
        self.add(stage, contiguity)
    }

    fn add_group(mut self, group: Self, contiguity: Contiguity) -> Self {
        let name = Arc::clone(&group.stages[0].name);
        if let Some(mistake) = group.mistake {
            self.note(mistake);
        }
        if group.after_match != AfterMatch::NoSkip {
            self.note(PatternError::GroupAfterMatch(name.to_string()));
        }
        self.stages.push(Stage { group: Some(group.stages), ..Stage::new(name, contiguity) });
        self
    }
}
