//! Keyed streams in which a pattern is looked for.

use std::cmp::Ordering;
use std::sync::Arc;

use super::stream::NodeSpec;
use super::{KeyedStream, Stream};
use crate::cep::operator::{PatternRunner, Settings};
use crate::cep::process::{FlatSelect, PatternProcess, Select};
use crate::cep::{Match, Nfa, Pattern, PatternError};
use crate::data::{Data, Key};
use crate::operator::{OnError, OutputTag};
use crate::window::late::Late;

/// A keyed stream in which a pattern is looked for: made by [`KeyedStream::pattern`], ended by a function that makes results
/// of the matches.
pub struct PatternStream<K, E> {
    stream: KeyedStream<K, E>,
    /// An error is reported when the job is planned.
    nfa: Result<Nfa<E>, PatternError>,
    settings: Settings<E>,
}

impl<K: Key, E: Data> KeyedStream<K, E> {
    /// Looks for a pattern in the events of each key, in order of their event times.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::cep::Pattern;
    /// # let env = Environment::new("example");
    /// let events = [("ann", "login", 1), ("bob", "login", 2), ("ann", "buy", 3)];
    /// let pattern = Pattern::begin("login").where_(|e: &(String, String, i64)| e.1 == "login");
    /// let bought = env
    ///     .from_collection(events.map(|(user, what, at)| (user.to_owned(), what.to_owned(), at)))
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|e: &(_, _, i64)| Timestamp::from_millis(e.2)))
    ///     .key_by(|event| &event.0)
    ///     .pattern(pattern.followed_by("buy").where_(|e| e.1 == "buy").within(Duration::from_secs(600)))
    ///     .select(|found| found.events("buy")[0].0.clone())
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(bought.take(), ["ann"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn pattern(self, pattern: Pattern<E>) -> PatternStream<K, E> {
        self.pattern_with(&pattern, Settings::default())
    }
}

impl<K: Key, E: Data> KeyedStream<K, E> {
    /// [`KeyedStream::pattern`] with all that can be said of it.
    pub(super) fn pattern_with(self, pattern: &Pattern<E>, settings: Settings<E>) -> PatternStream<K, E> {
        PatternStream { stream: self, nfa: Nfa::bounded(pattern), settings }
    }
}

impl<K: Key, E: Data> PatternStream<K, E> {
    /// Takes events as they come, and limits of time by the clock.
    #[must_use]
    pub fn processing_time(mut self) -> Self {
        self.settings.processing_time = true;
        self
    }

    /// Sends events that come after the watermark to a side output of the operator. Otherwise they are dropped and counted as
    /// `numLateRecordsDropped`.
    #[must_use]
    pub fn late_output(mut self, tag: OutputTag<E>) -> Self {
        self.settings.late = Late::to(Some(tag));
        self
    }

    /// Sends what partial matches hold when their time is over to a side output of the operator, at that time.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::cep::Pattern;
    /// # let env = Environment::new("example");
    /// let alone = OutputTag::new("alone");
    /// let pairs = env
    ///     .from_collection([1, 2, 50])
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
    ///     .key_by_owned(|_| ())
    ///     .pattern(Pattern::begin("a").next("b").within(Duration::from_millis(10)))
    ///     .timed_out(alone)
    ///     .select(|found| (found.events("a")[0], found.events("b")[0]));
    /// let alone = pairs.side_output(alone).map(|partial| partial.events("a")[0]).collect();
    /// # env.execute()?;
    /// assert_eq!(alone.take(), [2, 50]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn timed_out(mut self, tag: OutputTag<Match<E>>) -> Self {
        self.settings.timed_out = Some(tag);
        self
    }

    /// Has events of equal times taken in an order, instead of that in which they come.
    #[must_use]
    pub fn order(mut self, order: impl Fn(&E, &E) -> Ordering + Send + Sync + 'static) -> Self {
        self.settings.order = Some(Arc::new(order));
        self
    }

    /// Sets what becomes of matches for which the function fails: the job fails, unless set.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::cep::{Match, Pattern};
    /// # use millstream::operator::OnError;
    /// # fn job(numbers: KeyedStream<u8, i64>) {
    /// const FAILED: OutputTag<(Match<i64>, String)> = OutputTag::new("failed");
    /// numbers.pattern(Pattern::begin("a").next("b")).on_error(OnError::SideOutput(FAILED));
    /// # }
    /// ```
    #[must_use]
    pub fn on_error(mut self, on_error: OnError<Match<E>>) -> Self {
        self.settings.on_error = on_error;
        self
    }

    /// One result per match, which has the time of the event that has completed it.
    #[track_caller]
    pub fn select<O: Data>(self, function: impl FnMut(&Match<E>) -> O + Clone + Send + Sync + 'static) -> Stream<O> {
        self.run("pattern_select", Select(function))
    }

    /// Any number of results per match.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::cep::Pattern;
    /// # let env = Environment::new("example");
    /// let both = env
    ///     .from_collection([1, 2])
    ///     .key_by_owned(|_| ())
    ///     .pattern(Pattern::begin("a").next("b"))
    ///     .processing_time()
    ///     .flat_select(|found| [found.events("a")[0], found.events("b")[0]])
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(both.take(), [1, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn flat_select<I>(self, function: impl FnMut(&Match<E>) -> I + Clone + Send + Sync + 'static) -> Stream<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static,
    {
        self.run("pattern_flat_select", FlatSelect(function))
    }

    /// Applies a [`PatternProcess`], which can use the context, fail, and emit any number of results.
    #[track_caller]
    pub fn process<P: PatternProcess<K, E>>(self, name: &str, process: P) -> Stream<P::Out> {
        let spec = NodeSpec { anonymous: false, ..NodeSpec::anonymous(name) };
        self.add(spec, process)
    }

    #[track_caller]
    fn run<P: PatternProcess<K, E>>(self, name: &str, process: P) -> Stream<P::Out> {
        self.add(NodeSpec::anonymous(name), process)
    }

    fn add<P: PatternProcess<K, E>>(self, mut spec: NodeSpec, process: P) -> Stream<P::Out> {
        let Self { stream, nfa, settings } = self;
        let nfa = nfa.unwrap_or_else(|error| {
            spec.invalid = Some(error.to_string());
            Nfa::never()
        });
        let nfa = Arc::new(nfa.keeping_timed_out(settings.timed_out.is_some()));
        stream.transform_keyed(spec, move |selector, _| {
            PatternRunner::new(Arc::clone(&nfa), settings.clone(), process.clone(), selector)
        })
    }
}
