//! Streams cut into windows as a whole, without keys.

use std::marker::PhantomData;
use std::time::Duration;

use super::{Stream, WindowedStream};
use crate::data::Data;
use crate::operator::{Aggregate, Collector, OnError, OutputTag};
use crate::window::evictor::Evictor;
use crate::window::fold::{AggregateFold, ContentsFold, CountFold, ReduceFold};
use crate::window::{CountWindow, IntoResult, ProcessWindow, TimeWindow, Trigger, WindowAssigner, WindowContext};

/// A stream cut into windows as a whole: made by [`Stream::window_all`], ended by a function that makes results of them.
///
/// All records meet in one subtask, whatever the job's parallelism. Results have the event time of the last millisecond of
/// their window.
pub struct AllWindowedStream<T>(WindowedStream<(), T>);

impl<T: Data> Stream<T> {
    /// Cuts the stream as a whole into windows, in one subtask. With keys, the work can be divided:
    /// [`KeyedStream::window`](super::KeyedStream::window).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # let env = Environment::new("example");
    /// let counts = env
    ///     .from_collection([100, 900, 1000])
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
    ///     .window_all(Tumbling::of(Duration::from_secs(1)))
    ///     .count()
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take(), [2, 1]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn window_all(self, assigner: impl WindowAssigner<T>) -> AllWindowedStream<T> {
        AllWindowedStream(self.key_by_owned(|_| ()).window(assigner).single())
    }

    /// Cuts the stream as a whole into windows of `size` records. For windows that slide, give [`Stream::window_all`] a
    /// [`CountWindow::sliding`].
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let pairs = env.from_collection([1, 2, 3, 4]).count_window_all(2).process(|_, pair, out| out.emit(pair)).collect();
    /// # env.execute()?;
    /// assert_eq!(pairs.take(), [[1, 2], [3, 4]]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn count_window_all(self, size: usize) -> AllWindowedStream<T> {
        self.window_all(CountWindow::tumbling(size))
    }
}

/// Settings, as of [`WindowedStream`].
impl<T: Data> AllWindowedStream<T> {
    /// Has a trigger decide when windows fire, instead of at their end.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountTrigger, Global};
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([1, 2, 3, 4, 5]).window_all(Global).trigger(CountTrigger::of(2));
    /// let sums = windows.reduce(|a, b| a + b).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [3, 10]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn trigger<R: Trigger<T>>(self, trigger: R) -> Self {
        Self(self.0.trigger(trigger))
    }

    /// Has an evictor take records out of windows when they fire.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountEvictor;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([1, 2, 3]).count_window_all(3).evictor(CountEvictor::keep(2));
    /// let sums = windows.reduce(|a, b| a + b).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [5]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn evictor(self, evictor: impl Evictor<T>) -> Self {
        Self(self.0.evictor(evictor))
    }

    /// Keeps windows for so long after they have fired, and fires them again with each record that comes in that time.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::testing::Harness;
    /// # use millstream::window::Tumbling;
    /// let mut harness = Harness::new(|records: Stream<u64>| {
    ///     let windows = records.window_all(Tumbling::of(Duration::from_millis(10)));
    ///     windows.allowed_lateness(Duration::from_millis(5)).count()
    /// });
    /// harness.push_at(1, Timestamp::from_millis(1));
    /// harness.watermark(Timestamp::from_millis(9));
    /// harness.push_at(2, Timestamp::from_millis(2));
    /// assert_eq!(harness.output(), [1, 2]);
    /// ```
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        Self(self.0.allowed_lateness(lateness))
    }

    /// Sends records that come too late for all of their windows to a side output of the operator.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::testing::Harness;
    /// # use millstream::window::Tumbling;
    /// const LATE: OutputTag<u64> = OutputTag::new("late");
    /// let mut harness = Harness::new(|records: Stream<u64>| {
    ///     let windows = records.window_all(Tumbling::of(Duration::from_millis(10)));
    ///     windows.late_output(LATE).count().side_output(LATE)
    /// });
    /// harness.watermark(Timestamp::from_millis(9));
    /// harness.push_at(2, Timestamp::from_millis(2));
    /// assert_eq!(harness.output(), [2]);
    /// ```
    #[must_use]
    pub fn late_output(self, tag: OutputTag<T>) -> Self {
        Self(self.0.late_output(tag))
    }

    /// What becomes of a window for which the function fails.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::operator::OnError;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([200, 300]).count_window_all(1).on_error(OnError::Skip);
    /// let bytes = windows.process(|_, numbers, out| {
    ///     out.emit(u8::try_from(numbers[0])?);
    ///     Ok(())
    /// });
    /// let bytes = bytes.collect();
    /// # env.execute()?;
    /// assert_eq!(bytes.take(), [200]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn on_error(self, on_error: OnError<((), TimeWindow)>) -> Self {
        Self(self.0.on_error(on_error))
    }
}

/// Functions, as of [`WindowedStream`].
impl<T: Data> AllWindowedStream<T> {
    /// The number of records in each window.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let counts = env.from_collection([7, 8, 9, 10]).count_window_all(2).count().collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take(), [2, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn count(self) -> Stream<u64> {
        self.0.fold("window_all_count", CountFold(PhantomData), |(), count, _, out| out.emit(*count))
    }

    /// Folds the records of each window as they come, and emits the result.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # #[derive(Clone)]
    /// # struct Sum;
    /// # impl Aggregate for Sum {
    /// #     type In = i64;
    /// #     type Acc = i64;
    /// #     type Out = i64;
    /// #     fn create(&self) -> i64 { 0 }
    /// #     fn add(&self, acc: &mut i64, value: i64) { *acc += value }
    /// #     fn merge(&self, acc: &mut i64, other: i64) { *acc += other }
    /// #     fn result(&self, acc: &i64) -> i64 { *acc }
    /// # }
    /// # let env = Environment::new("example");
    /// let sums = env.from_collection([1, 2, 3, 4]).count_window_all(2).aggregate(Sum).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [3, 7]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn aggregate<A: Aggregate<In = T>>(self, aggregate: A) -> Stream<A::Out> {
        self.aggregate_with(aggregate, |_, result, out| out.emit(result))
    }

    /// Folds the records of each window as they come, and hands the result with the window to a function, which returns
    /// nothing or a [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// # #[derive(Clone)]
    /// # struct Sum;
    /// # impl Aggregate for Sum {
    /// #     type In = i64;
    /// #     type Acc = i64;
    /// #     type Out = i64;
    /// #     fn create(&self) -> i64 { 0 }
    /// #     fn add(&self, acc: &mut i64, value: i64) { *acc += value }
    /// #     fn merge(&self, acc: &mut i64, other: i64) { *acc += other }
    /// #     fn result(&self, acc: &i64) -> i64 { *acc }
    /// # }
    /// let windows = env.from_collection([1, 2, 3, 4]).count_window_all(4);
    /// let sums = windows.aggregate_with(Sum, |window, sum, out| out.emit((window.revision(), sum))).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [(0, 10)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn aggregate_with<A, O, R>(
        self,
        aggregate: A,
        function: impl Fn(&mut WindowContext<'_>, A::Out, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O>
    where
        A: Aggregate<In = T>,
        O: Data,
        R: IntoResult,
    {
        let results = aggregate.clone();
        self.0.fold("window_all_aggregate", AggregateFold(aggregate), move |(), acc, window, out| {
            function(window, results.result(&acc), out)
        })
    }

    /// Combines the records of each window as they come, in order, and emits the result.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let highest = env.from_collection([1, 5, 3, 4]).count_window_all(2).reduce(Ord::max).collect();
    /// # env.execute()?;
    /// assert_eq!(highest.take(), [5, 4]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce(self, reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static) -> Stream<T> {
        self.reduce_with(reduce, |_, value, out| out.emit(value))
    }

    /// Combines the records of each window as they come, in order, and hands the result with the window to a function,
    /// which returns nothing or a [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([1, 5, 3, 4]).count_window_all(2);
    /// let highest = windows.reduce_with(Ord::max, |_, number, out| out.emit(format!("up to {number}"))).collect();
    /// # env.execute()?;
    /// assert_eq!(highest.take(), ["up to 5", "up to 4"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce_with<O: Data, R: IntoResult>(
        self,
        reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static,
        function: impl Fn(&mut WindowContext<'_>, T, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.0.fold("window_all_reduce", ReduceFold::new(reduce), move |(), acc, window, out| {
            acc.into_owned().map_or(Ok(()), |value| function(window, value, out).into_result())
        })
    }

    /// Keeps all records of each window, and hands them with the window to a function, which returns nothing or a
    /// [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let pairs = env.from_collection([1, 2, 3, 4]).count_window_all(2).process(|_, pair, out| out.emit(pair));
    /// let pairs = pairs.collect();
    /// # env.execute()?;
    /// assert_eq!(pairs.take(), [[1, 2], [3, 4]]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<O: Data, R: IntoResult>(
        self,
        function: impl Fn(&mut WindowContext<'_>, Vec<T>, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.0.fold("window_all_process", ContentsFold(PhantomData), move |(), acc, window, out| {
            function(window, acc.into_owned(), out)
        })
    }

    /// Keeps all records of each window, and hands them to a function that has states, as
    /// [`WindowedStream::process_window`] does for each key.
    #[track_caller]
    pub fn process_window<P: ProcessWindow<(), In = Vec<T>>>(self, name: &str, function: P) -> Stream<P::Out> {
        self.0.process_window(name, function)
    }

    /// Folds the records of each window as they come, and hands the result to a function that has states, as
    /// [`WindowedStream::aggregate_window`] does for each key.
    #[track_caller]
    pub fn aggregate_window<A, P>(self, name: &str, aggregate: A, function: P) -> Stream<P::Out>
    where
        A: Aggregate<In = T>,
        P: ProcessWindow<(), In = A::Out>,
    {
        self.0.aggregate_window(name, aggregate, function)
    }

    /// Combines the records of each window as they come, in order, and hands the result to a function that has states, as
    /// [`WindowedStream::reduce_window`] does for each key.
    #[track_caller]
    pub fn reduce_window<P: ProcessWindow<(), In = T>>(
        self,
        name: &str,
        reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static,
        function: P,
    ) -> Stream<P::Out> {
        self.0.reduce_window(name, reduce, function)
    }
}
