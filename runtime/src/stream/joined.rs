//! Two streams that are to be joined window by window: which keys, and which windows.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::{KeyedConnectedStreams, KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::{Either, OutputTag};
use crate::window::{Evictor, Trigger, WindowAssigner, WindowError, Windows};

/// Says that all pairs of a window's records are asked for: a window join.
pub enum Pairs {}

/// Says that each window's records are asked for as a whole: a co-group.
pub enum Groups {}

/// Two streams that are to be joined, without keys as yet: made by [`Stream::join`] and [`Stream::co_group`].
pub struct JoinedStreams<L, R, M> {
    left: Stream<L>,
    right: Stream<R>,
    _mode: PhantomData<fn() -> M>,
}

/// Two streams that are to be joined, of which the left one has a key: made by [`JoinedStreams::where_key`].
pub struct JoinedWhere<K, L, R, M> {
    left: KeyedStream<K, L>,
    right: Stream<R>,
    _mode: PhantomData<fn() -> M>,
}

/// Two keyed streams that are to be joined window by window.
pub struct KeyedJoin<K, L, R, M> {
    streams: KeyedConnectedStreams<K, L, R>,
    _mode: PhantomData<fn() -> M>,
}

/// Two keyed streams cut into windows, ended by a function that makes results of them.
///
/// Both streams' records are in the same windows. Results have the event time of the last millisecond of their window.
pub struct WindowedJoin<K, L, R, M> {
    pub(super) streams: KeyedConnectedStreams<K, L, R>,
    /// An error is reported when the job is planned.
    pub(super) windows: Result<Windows<Either<L, R>>, WindowError>,
    pub(super) evictor: Option<Arc<dyn Evictor<Either<L, R>>>>,
    pub(super) allowed_lateness: Duration,
    pub(super) late: (Option<OutputTag<L>>, Option<OutputTag<R>>),
    _mode: PhantomData<fn() -> M>,
}

impl<L: Data> Stream<L> {
    /// Pairs the records of this stream and of `right` that have the same key and are in the same window.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # let env = Environment::new("example");
    /// # let by_time = || WatermarkStrategy::monotonous().timestamps(|record: &(u32, i64)| Timestamp::from_millis(record.1));
    /// let orders = env.from_collection([(1, 100), (2, 200)]).watermarks(by_time());
    /// let payments = env.from_collection([(1, 900), (2, 1100)]).watermarks(by_time());
    /// let paid = orders
    ///     .join(payments)
    ///     .where_key(|order| &order.0)
    ///     .equal_to(|payment| &payment.0)
    ///     .window(Tumbling::of(Duration::from_secs(1)))
    ///     .apply(|order, payment| (order.0, payment.1))
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(paid.take(), [(1, 900)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn join<R: Data>(self, right: Stream<R>) -> JoinedStreams<L, R, Pairs> {
        JoinedStreams { left: self, right, _mode: PhantomData }
    }

    /// Hands the records of this stream and of `right` that have the same key and are in the same window to a function.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{EventTimeTrigger, Global};
    /// # let env = Environment::new("example");
    /// let (left, right) = (env.from_collection([1, 2, 3, 4]), env.from_collection([12]));
    /// let sizes = left
    ///     .co_group(right)
    ///     .where_key_owned(|n| n % 2)
    ///     .equal_to_owned(|n| n % 2)
    ///     .window(Global)
    ///     .trigger(EventTimeTrigger)
    ///     .apply(|left, right, out| out.emit((left.len(), right.len())))
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(sizes.take_sorted(), [(2, 0), (2, 1)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn co_group<R: Data>(self, right: Stream<R>) -> JoinedStreams<L, R, Groups> {
        JoinedStreams { left: self, right, _mode: PhantomData }
    }
}

impl<K: Key, L: Data> KeyedStream<K, L> {
    /// Pairs the records of this stream and of `right` that have the same key and are in the same window.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{EventTimeTrigger, Global};
    /// # let env = Environment::new("example");
    /// let [left, right] = [[1, 2], [13, 14]].map(|numbers| env.from_collection(numbers).key_by_owned(|n| n % 2));
    /// let pairs = left.join(right).window(Global).trigger(EventTimeTrigger).apply(|a, b| (*a, *b)).collect();
    /// # env.execute()?;
    /// assert_eq!(pairs.take_sorted(), [(1, 13), (2, 14)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn join<R: Data>(self, right: KeyedStream<K, R>) -> KeyedJoin<K, L, R, Pairs> {
        KeyedJoin { streams: self.connect(right), _mode: PhantomData }
    }

    /// Hands the records of this stream and of `right` that have the same key and are in the same window to a function.
    pub fn co_group<R: Data>(self, right: KeyedStream<K, R>) -> KeyedJoin<K, L, R, Groups> {
        KeyedJoin { streams: self.connect(right), _mode: PhantomData }
    }
}

impl<L: Data, R: Data, M> JoinedStreams<L, R, M> {
    /// The key of a record of the left stream: a part of it.
    pub fn where_key<K: Key>(
        self,
        key: impl for<'a> Fn(&'a L) -> &'a K + Send + Sync + 'static,
    ) -> JoinedWhere<K, L, R, M> {
        JoinedWhere { left: self.left.key_by(key), right: self.right, _mode: PhantomData }
    }

    /// The key of a record of the left stream: computed from it.
    pub fn where_key_owned<K: Key>(self, key: impl Fn(&L) -> K + Send + Sync + 'static) -> JoinedWhere<K, L, R, M> {
        JoinedWhere { left: self.left.key_by_owned(key), right: self.right, _mode: PhantomData }
    }
}

impl<K: Key, L: Data, R: Data, M> JoinedWhere<K, L, R, M> {
    /// The key of a record of the right stream: a part of it.
    pub fn equal_to(self, key: impl for<'a> Fn(&'a R) -> &'a K + Send + Sync + 'static) -> KeyedJoin<K, L, R, M> {
        KeyedJoin { streams: self.left.connect(self.right.key_by(key)), _mode: PhantomData }
    }

    /// The key of a record of the right stream: computed from it.
    pub fn equal_to_owned(self, key: impl Fn(&R) -> K + Send + Sync + 'static) -> KeyedJoin<K, L, R, M> {
        KeyedJoin { streams: self.left.connect(self.right.key_by_owned(key)), _mode: PhantomData }
    }
}

impl<K: Key, L: Data, R: Data, M> KeyedJoin<K, L, R, M> {
    /// Cuts both streams into windows, as [`KeyedStream::window`] does. A gap of sessions or a trigger that looks at the
    /// records sees those of either stream.
    pub fn window(self, assigner: impl WindowAssigner<Either<L, R>>) -> WindowedJoin<K, L, R, M> {
        WindowedJoin {
            streams: self.streams,
            windows: assigner.windows(),
            evictor: None,
            allowed_lateness: Duration::ZERO,
            late: (None, None),
            _mode: PhantomData,
        }
    }
}

impl<K: Key, L: Data, R: Data, M> WindowedJoin<K, L, R, M> {
    /// Has a trigger decide when windows fire, instead of at their end.
    #[must_use]
    pub fn trigger<T: Trigger<Either<L, R>>>(mut self, trigger: T) -> Self {
        self.windows = self.windows.and_then(|windows| windows.triggered(trigger));
        self
    }

    /// Has an evictor take records of either stream out of windows when they fire.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountEvictor, EventTimeTrigger, Global};
    /// # let env = Environment::new("example");
    /// let [left, right] = [vec![1], vec![]].map(|numbers| env.from_collection(numbers).key_by_owned(|_| ()));
    /// let windows = left.co_group(right).window(Global).trigger(EventTimeTrigger).evictor(CountEvictor::keep(0));
    /// let sizes = windows.apply(|left, right, out| out.emit((left.len(), right.len()))).collect();
    /// # env.execute()?;
    /// assert_eq!(sizes.take(), [(0, 0)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn evictor(mut self, evictor: impl Evictor<Either<L, R>>) -> Self {
        self.evictor = Some(Arc::new(evictor));
        self
    }

    /// Keeps windows for so long after they have fired, and fires them again, as a whole, with each record that comes in
    /// that time. None by default; without effect in processing time.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness = lateness;
        self
    }

    /// Sends records of the left stream that come too late for all of their windows to a side output of the operator.
    /// Otherwise they are dropped and counted as `numLateRecordsDropped`.
    #[must_use]
    pub fn left_late_output(mut self, tag: OutputTag<L>) -> Self {
        self.late.0 = Some(tag);
        self
    }

    /// [`WindowedJoin::left_late_output`] for the right stream.
    #[must_use]
    pub fn right_late_output(mut self, tag: OutputTag<R>) -> Self {
        self.late.1 = Some(tag);
        self
    }
}
