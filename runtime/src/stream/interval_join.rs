//! Pairs of records of two keyed streams that are close in time.

use super::stream::NodeSpec;
use super::{KeyedConnectedStreams, KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::join::{self, Bounds, Interval, JoinOperator, LateSides, Offset, OnPairError, PairFn, ProcessJoin};
use crate::operator::{ApplyTo, OnError, OutputTag};
use crate::window::Late;

/// Two keyed streams whose records are to be paired by time: made by [`KeyedStream::interval_join`].
pub struct IntervalJoin<K, L, R> {
    streams: KeyedConnectedStreams<K, L, R>,
}

/// An interval join with its bounds, ended by a function that makes results of the pairs.
///
/// Results have the later of the two records' event times.
pub struct IntervalJoined<K, L, R> {
    streams: KeyedConnectedStreams<K, L, R>,
    interval: Interval,
    late: (Option<OutputTag<L>>, Option<OutputTag<R>>),
}

impl<K: Key, L: Data> KeyedStream<K, L> {
    /// Pairs each record with the records of `right` that have the same key and are close to it in event time.
    ///
    /// A record is kept as long as one may come that it meets: until the watermark, the lower of both streams', has passed
    /// its bounds. A record that the watermark has passed before it comes is late.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// use millstream::join::Offset::{After, Before};
    /// # let env = Environment::new("example");
    /// # let by_time = || WatermarkStrategy::monotonous().timestamps(|record: &(u32, i64)| Timestamp::from_millis(record.1));
    /// let clicks = env.from_collection([(7, 1000)]).watermarks(by_time()).key_by(|click| &click.0);
    /// let views = env.from_collection([(7, 400), (7, 1600)]).watermarks(by_time()).key_by(|view| &view.0);
    /// let seen = clicks
    ///     .interval_join(views)
    ///     .between(Before(Duration::from_secs(1)), After(Duration::ZERO))
    ///     .apply(|click, view| click.1 - view.1)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(seen.take(), [600]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn interval_join<R: Data>(self, right: KeyedStream<K, R>) -> IntervalJoin<K, L, R> {
        IntervalJoin { streams: self.connect(right) }
    }
}

impl<K: Key, L: Data, R: Data> IntervalJoin<K, L, R> {
    /// Where in time the right record is, seen from the left one: from `lower` to `upper`, both included.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// use millstream::join::Offset::After;
    /// # let env = Environment::new("example");
    /// # let [orders, payments] = [[1], [1]].map(|numbers| env.from_collection(numbers).key_by(|number| number));
    /// // Payments from one to ten seconds after the order.
    /// let join = orders.interval_join(payments).between(After(Duration::from_secs(1)), After(Duration::from_secs(10)));
    /// # drop(join);
    /// ```
    pub fn between(self, lower: Offset, upper: Offset) -> IntervalJoined<K, L, R> {
        let interval = Interval { lower, upper, lower_exclusive: false, upper_exclusive: false };
        IntervalJoined { streams: self.streams, interval, late: (None, None) }
    }
}

impl<K: Key, L: Data, R: Data> IntervalJoined<K, L, R> {
    /// Leaves out records that are at the lower bound.
    #[must_use]
    pub fn lower_exclusive(mut self) -> Self {
        self.interval.lower_exclusive = true;
        self
    }

    /// Leaves out records that are at the upper bound.
    #[must_use]
    pub fn upper_exclusive(mut self) -> Self {
        self.interval.upper_exclusive = true;
        self
    }

    /// Sends late records of the left stream to a side output of the operator. Otherwise they are dropped and counted as
    /// `numLateRecordsDropped`.
    #[must_use]
    pub fn left_late_output(mut self, tag: OutputTag<L>) -> Self {
        self.late.0 = Some(tag);
        self
    }

    /// [`IntervalJoined::left_late_output`] for the right stream.
    #[must_use]
    pub fn right_late_output(mut self, tag: OutputTag<R>) -> Self {
        self.late.1 = Some(tag);
        self
    }

    /// One result per pair.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// use millstream::join::Offset::After;
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &u32| Timestamp::from_millis(at));
    /// let orders = env.from_collection([1]).watermarks(at(0)).key_by_owned(|_| ());
    /// let payments = env.from_collection([2]).watermarks(at(10)).key_by_owned(|_| ());
    /// let bounds = (After(Duration::ZERO), After(Duration::from_millis(10)));
    /// let pairs = orders.interval_join(payments).between(bounds.0, bounds.1).apply(|a, b| (*a, *b)).collect();
    /// # env.execute()?;
    /// assert_eq!(pairs.take(), [(1, 2)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: Data>(self, pair: impl FnMut(&L, &R) -> O + Clone + Send + Sync + 'static) -> Stream<O> {
        self.run(NodeSpec::anonymous("interval_join"), PairFn::new(pair), OnError::Fail)
    }

    /// Applies an annotated function of pairs, which may fail, and return any number of results.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::join::Offset::After;
    /// #[operator(join, on_error = skip)]
    /// fn total(order: &String, payment: &String) -> Result<u32> {
    ///     Ok(order.parse::<u32>()? + payment.parse::<u32>()?)
    /// }
    ///
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &String| Timestamp::from_millis(at));
    /// # let [orders, payments] = [(["1", "x"], 0), (["2", "3"], 5)].map(|(texts, time)| {
    /// #     env.from_collection(texts.map(str::to_owned)).watermarks(at(time)).key_by_owned(|_| ())
    /// # });
    /// let join = orders.interval_join(payments).between(After(Duration::ZERO), After(Duration::from_secs(1)));
    /// let totals = join.apply_operator(total()).collect();
    /// # env.execute()?;
    /// assert_eq!(totals.take_sorted(), [3, 4]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply_operator<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }

    /// Applies a [`ProcessJoin`], which can use the context, fail, and emit any number of results.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::join::{JoinContext, Offset::After, ProcessJoin};
    /// #[derive(Clone)]
    /// struct Delay;
    ///
    /// impl ProcessJoin for Delay {
    ///     type Left = ();
    ///     type Right = ();
    ///     type Out = Duration;
    ///     fn process(&mut self, _: &(), _: &(), ctx: &mut JoinContext<'_>, out: &mut Collector<Duration>) -> Result<()> {
    ///         out.emit(ctx.right_timestamp().since(ctx.left_timestamp()));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &()| Timestamp::from_millis(at));
    /// # let orders = env.from_collection([()]).watermarks(at(0)).key_by_owned(|_| ());
    /// # let payments = env.from_collection([()]).watermarks(at(10)).key_by_owned(|_| ());
    /// let join = orders.interval_join(payments).between(After(Duration::ZERO), After(Duration::from_secs(1)));
    /// let delays = join.process("delay", Delay).collect();
    /// # env.execute()?;
    /// assert_eq!(delays.take(), [Duration::from_millis(10)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<J: ProcessJoin<Left = L, Right = R>>(self, name: &str, join: J) -> Stream<J::Out> {
        self.run(NodeSpec { anonymous: false, ..NodeSpec::anonymous(name) }, join, OnError::Fail)
    }

    fn run<J: ProcessJoin<Left = L, Right = R>>(
        self,
        mut spec: NodeSpec,
        join: J,
        on_error: OnPairError<J>,
    ) -> Stream<J::Out> {
        let Self { streams, interval, late } = self;
        let bounds = interval.bounds().unwrap_or_else(|error| {
            spec.invalid = Some(error.to_string());
            Bounds::SAME
        });
        let late = LateSides { left: Late::to(late.0), right: Late::to(late.1) };
        streams.transform_keyed(spec, move |selectors, _| {
            join::IntervalJoin::new((join.clone(), on_error.clone()), bounds, late.clone(), selectors)
        })
    }
}

impl<K: Key, J: ProcessJoin> ApplyTo<IntervalJoined<K, J::Left, J::Right>> for JoinOperator<J> {
    type Output = Stream<J::Out>;

    #[track_caller]
    fn apply_to(self, joined: IntervalJoined<K, J::Left, J::Right>) -> Stream<J::Out> {
        let Self { join, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "interval_join".to_owned());
        let spec = NodeSpec { anonymous: false, ..NodeSpec::anonymous(&name) };
        joined.run(spec, join, options.on_error.clone()).annotated(&options)
    }
}
