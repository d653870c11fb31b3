//! Records of one keyed stream with the versions of another that are valid at their times.

use std::sync::Arc;

use super::stream::NodeSpec;
use super::{KeyedConnectedStreams, KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::join::{self, EndsValidity, InnerFn, LateSides, LeftFn, ProcessTemporalJoin};
use crate::operator::OutputTag;
use crate::window::Late;

/// A keyed stream that is to be joined with a table that changes: made by [`KeyedStream::temporal_join`], ended by a function
/// that makes results.
///
/// Results have the left records' event times.
pub struct TemporalJoin<K, L, R> {
    streams: KeyedConnectedStreams<K, L, R>,
    ends: EndsValidity<R>,
    late: (Option<OutputTag<L>>, Option<OutputTag<R>>),
}

impl<K: Key, L: Data> KeyedStream<K, L> {
    /// Joins each record with the version of its key that is valid at its event time. The records of `versions` are those of a
    /// table that changes: each is valid from its event time on, until the next one of its key. Of several at one time, the one
    /// that comes last is valid.
    ///
    /// A record waits until the watermark, the lower of both streams', has passed it; so what it is joined with does not depend on
    /// which stream is faster. A version is kept until the watermark has passed the next one. Records that the watermark has
    /// passed before they come are late, on either side.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// # let by_time = || WatermarkStrategy::monotonous().timestamps(|record: &(u32, i64, u32)| Timestamp::from_millis(record.1));
    /// // Currency, time, and rate or amount.
    /// let rates = env.from_collection([(7, 0, 2), (7, 1000, 3)]).watermarks(by_time()).key_by(|rate| &rate.0);
    /// let orders = env.from_collection([(7, 900, 10), (7, 1100, 10)]).watermarks(by_time()).key_by(|order| &order.0);
    /// let converted = orders.temporal_join(rates).apply(|order, rate| order.2 * rate.2).collect();
    /// # env.execute()?;
    /// assert_eq!(converted.take(), [20, 30]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn temporal_join<R: Data>(self, versions: KeyedStream<K, R>) -> TemporalJoin<K, L, R> {
        TemporalJoin { streams: self.connect(versions), ends: None, late: (None, None) }
    }
}

impl<K: Key, L: Data, R: Data> TemporalJoin<K, L, R> {
    /// Which records on the right are no versions, but say that their key has none from their time on.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// # let by_time = || WatermarkStrategy::monotonous().timestamps(|record: &(i64, u32)| Timestamp::from_millis(record.0));
    /// let prices = env.from_collection([(0, 5), (20, 0)]).watermarks(by_time()).key_by_owned(|_| ());
    /// let orders = env.from_collection([(10, 1), (30, 2)]).watermarks(by_time()).key_by_owned(|_| ());
    /// let join = orders.temporal_join(prices).ended_by(|price| price.1 == 0);
    /// let sold = join.apply(|order, price| (order.1, price.1)).collect();
    /// # env.execute()?;
    /// assert_eq!(sold.take(), [(1, 5)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn ended_by(mut self, ends: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.ends = Some(Arc::new(ends));
        self
    }

    /// Sends late records of the left stream to a side output of the operator. Otherwise they are dropped and counted as
    /// `numLateRecordsDropped`.
    #[must_use]
    pub fn left_late_output(mut self, tag: OutputTag<L>) -> Self {
        self.late.0 = Some(tag);
        self
    }

    /// [`TemporalJoin::left_late_output`] for the versions: one that the watermark has passed already becomes valid for no record.
    #[must_use]
    pub fn right_late_output(mut self, tag: OutputTag<R>) -> Self {
        self.late.1 = Some(tag);
        self
    }

    /// One result for each record whose key has a version at its time; the others give none.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &u32| Timestamp::from_millis(at));
    /// let rates = env.from_collection([3]).watermarks(at(0)).key_by_owned(|_| ());
    /// let orders = env.from_collection([10]).watermarks(at(5)).key_by_owned(|_| ());
    /// let converted = orders.temporal_join(rates).apply(|order, rate| order * rate).collect();
    /// # env.execute()?;
    /// assert_eq!(converted.take(), [30]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: Data>(self, join: impl FnMut(L, &R) -> O + Clone + Send + Sync + 'static) -> Stream<O> {
        self.run(NodeSpec::anonymous("temporal_join"), InnerFn::new(join))
    }

    /// One result for each record: with `None` if its key has no version at its time.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &u32| Timestamp::from_millis(at));
    /// let rates = env.from_collection([3]).watermarks(at(9)).key_by_owned(|_| ());
    /// let orders = env.from_collection([10]).watermarks(at(5)).key_by_owned(|_| ());
    /// let converted = orders.temporal_join(rates).apply_left(|order, rate| (order, rate.copied())).collect();
    /// # env.execute()?;
    /// assert_eq!(converted.take(), [(10, None)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply_left<O: Data>(
        self,
        join: impl FnMut(L, Option<&R>) -> O + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.run(NodeSpec::anonymous("temporal_join"), LeftFn::new(join))
    }

    /// Applies a [`ProcessTemporalJoin`], which can use the context, fail, and emit any number of results.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::join::{ProcessTemporalJoin, TemporalContext};
    /// #[derive(Clone)]
    /// struct Since;
    ///
    /// impl ProcessTemporalJoin for Since {
    ///     type Left = u32;
    ///     type Right = u32;
    ///     type Out = Option<Timestamp>;
    ///     fn process(&mut self, _: u32, _: Option<&u32>, ctx: &mut TemporalContext<'_>, out: &mut Collector<Self::Out>) -> Result<()> {
    ///         out.emit(ctx.version_timestamp());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// # let at = |at| WatermarkStrategy::monotonous().timestamps(move |_: &u32| Timestamp::from_millis(at));
    /// # let rates = env.from_collection([3]).watermarks(at(2)).key_by_owned(|_| ());
    /// # let orders = env.from_collection([10]).watermarks(at(5)).key_by_owned(|_| ());
    /// let since = orders.temporal_join(rates).process("since", Since).collect();
    /// # env.execute()?;
    /// assert_eq!(since.take(), [Some(Timestamp::from_millis(2))]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<J: ProcessTemporalJoin<Left = L, Right = R>>(self, name: &str, join: J) -> Stream<J::Out> {
        self.run(NodeSpec { anonymous: false, ..NodeSpec::anonymous(name) }, join)
    }

    fn run<J: ProcessTemporalJoin<Left = L, Right = R>>(self, spec: NodeSpec, join: J) -> Stream<J::Out> {
        let Self { streams, ends, late } = self;
        let late = LateSides { left: Late::to(late.0), right: Late::to(late.1) };
        streams.transform_keyed(spec, move |selectors, _| {
            join::TemporalJoin::new(join.clone(), ends.clone(), late.clone(), selectors)
        })
    }
}
