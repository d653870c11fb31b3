//! Keyed streams cut into windows.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use super::stream::NodeSpec;
use super::{KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::{Aggregate, Collector, OutputTag};
use crate::window::function::{AggregateFold, ContentsFold, CountFold, Fold, Folded, ReduceFold, WindowLogic};
use crate::window::runner::{WindowPlan, WindowRunner};
use crate::window::{IntoResult, Trigger, WindowAssigner, WindowContext, WindowError, Windows};

/// A keyed stream cut into windows: made by [`KeyedStream::window`], ended by a function that makes results of them.
///
/// Results have the event time of the last millisecond of their window.
pub struct WindowedStream<K, T> {
    stream: KeyedStream<K, T>,
    /// An error is reported when the job is planned.
    windows: Result<Windows<T>, WindowError>,
    allowed_lateness: Duration,
    late_output: Option<OutputTag<T>>,
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Cuts the stream of each key into windows: [`Tumbling`], [`Sliding`], [`Session`], [`Global`] or [`CountWindow`].
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # let env = Environment::new("example");
    /// let readings = [("a", 100), ("b", 200), ("a", 900), ("a", 1000)].map(|(key, at)| (key.to_owned(), at));
    /// let counts = env
    ///     .from_collection(readings)
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|r: &(String, i64)| Timestamp::from_millis(r.1)))
    ///     .key_by(|reading| &reading.0)
    ///     .window(Tumbling::of(Duration::from_secs(1)))
    ///     .count()
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take_sorted(), [("a".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 1)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    ///
    /// [`Tumbling`]: crate::window::Tumbling
    /// [`Sliding`]: crate::window::Sliding
    /// [`Session`]: crate::window::Session
    /// [`Global`]: crate::window::Global
    /// [`CountWindow`]: crate::window::CountWindow
    pub fn window(self, assigner: impl WindowAssigner<T>) -> WindowedStream<K, T> {
        WindowedStream {
            stream: self,
            windows: assigner.windows(),
            allowed_lateness: Duration::ZERO,
            late_output: None,
        }
    }
}

impl<K: Key, T: Data> WindowedStream<K, T> {
    /// Has a trigger decide when windows fire, instead of at their end.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountTrigger, Global};
    /// # let env = Environment::new("example");
    /// let sums = env
    ///     .from_collection([1, 2, 3, 4, 5])
    ///     .key_by_owned(|_| ())
    ///     .window(Global)
    ///     .trigger(CountTrigger::of(2))
    ///     .reduce(|a, b| a + b)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [3, 10]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn trigger<R: Trigger<T>>(mut self, trigger: R) -> Self {
        if let Ok(windows) = &mut self.windows {
            windows.set_trigger(trigger);
        }
        self
    }

    /// Keeps windows for so long after they have fired, and fires them again with each record that comes in that time.
    /// None by default; without effect in processing time.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness = lateness;
        self
    }

    /// Sends records that come too late for all of their windows to a side output of the operator. Otherwise they are
    /// dropped and counted as `numLateRecordsDropped`.
    #[must_use]
    pub fn late_output(mut self, tag: OutputTag<T>) -> Self {
        self.late_output = Some(tag);
        self
    }

    /// The number of records in each window, with the key.
    #[track_caller]
    pub fn count(self) -> Stream<(K, u64)> {
        let fold = CountFold(PhantomData);
        self.fold("window_count", fold, |key: &K, count, _, out| {
            out.emit((key.clone(), *count));
        })
    }

    /// Folds the records of each window as they come, and emits key and result.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountWindow;
    /// #[derive(Clone)]
    /// struct Longest;
    ///
    /// impl Aggregate for Longest {
    ///     type In = String;
    ///     type Acc = usize;
    ///     type Out = usize;
    ///     fn create(&self) -> usize {
    ///         0
    ///     }
    ///     fn add(&self, longest: &mut usize, word: String) {
    ///         *longest = word.len().max(*longest);
    ///     }
    ///     fn merge(&self, longest: &mut usize, other: usize) {
    ///         *longest = other.max(*longest);
    ///     }
    ///     fn result(&self, longest: &usize) -> usize {
    ///         *longest
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let words = ["bee", "ant", "butterfly"].map(str::to_owned);
    /// let longest = env
    ///     .from_collection(words)
    ///     .key_by_owned(|word| word.as_bytes()[0])
    ///     .window(CountWindow::tumbling(2))
    ///     .aggregate(Longest)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(longest.take(), [(b'b', 9)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn aggregate<A: Aggregate<In = T>>(self, aggregate: A) -> Stream<(K, A::Out)> {
        let results = aggregate.clone();
        self.fold("window_aggregate", AggregateFold(aggregate), move |key: &K, acc, _, out| {
            out.emit((key.clone(), results.result(&acc)));
        })
    }

    /// Folds the records of each window as they come, and hands the result with key and window to a function.
    ///
    /// The function returns nothing or a [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # #[derive(Clone)]
    /// # struct Count;
    /// # impl Aggregate for Count {
    /// #     type In = i64;
    /// #     type Acc = u64;
    /// #     type Out = u64;
    /// #     fn create(&self) -> u64 { 0 }
    /// #     fn add(&self, acc: &mut u64, _: i64) { *acc += 1 }
    /// #     fn merge(&self, acc: &mut u64, other: u64) { *acc += other }
    /// #     fn result(&self, acc: &u64) -> u64 { *acc }
    /// # }
    /// # let env = Environment::new("example");
    /// let counts = env
    ///     .from_collection([100, 900, 1000])
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
    ///     .key_by_owned(|_| ())
    ///     .window(Tumbling::of(Duration::from_secs(1)))
    ///     .aggregate_with(Count, |_key, window, count, out| {
    ///         out.emit((window.start().as_millis(), window.revision(), count));
    ///     })
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take(), [(0, 0, 2), (1000, 0, 1)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn aggregate_with<A, O, R>(
        self,
        aggregate: A,
        function: impl Fn(&K, &mut WindowContext<'_>, A::Out, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O>
    where
        A: Aggregate<In = T>,
        O: Data,
        R: IntoResult,
    {
        let results = aggregate.clone();
        self.fold("window_aggregate", AggregateFold(aggregate), move |key: &K, acc, window, out| {
            function(key, window, results.result(&acc), out)
        })
    }

    /// Combines the records of each window as they come, in order, and emits the result.
    #[track_caller]
    pub fn reduce(self, reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static) -> Stream<T> {
        self.fold("window_reduce", ReduceFold::new(reduce), |_: &K, acc, _, out| {
            out.extend(acc.into_owned());
        })
    }

    /// Keeps all records of each window, and hands them with key and window to a function.
    ///
    /// Takes as much memory as there are records in the windows; [`WindowedStream::aggregate_with`] does not.
    /// The function returns nothing or a [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountWindow;
    /// # let env = Environment::new("example");
    /// let last_two = env
    ///     .from_collection([1, 2, 3])
    ///     .key_by_owned(|_| ())
    ///     .window(CountWindow::sliding(2, 1))
    ///     .process(|_key, _window, records, out| out.emit(records))
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(last_two.take(), [vec![1], vec![1, 2], vec![2, 3]]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<O: Data, R: IntoResult>(
        self,
        function: impl Fn(&K, &mut WindowContext<'_>, Vec<T>, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.fold("window_process", ContentsFold(PhantomData), move |key: &K, acc, window, out| {
            function(key, window, acc.into_owned(), out)
        })
    }

    #[track_caller]
    fn fold<D: Fold<In = T>, O: Data, R: IntoResult>(
        self,
        name: &str,
        fold: D,
        emit: impl Fn(&K, Cow<'_, D::Acc>, &mut WindowContext<'_>, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        let emit = move |key: &K, acc: Cow<'_, D::Acc>, window: &mut WindowContext<'_>, out: &mut Collector<O>| {
            emit(key, acc, window, out).into_result()
        };
        self.run(name, Folded::new(fold, emit))
    }

    #[track_caller]
    fn run<L: WindowLogic<K, In = T>>(self, name: &str, logic: L) -> Stream<L::Out> {
        let Self { stream, windows, allowed_lateness, late_output } = self;
        let mut spec = NodeSpec::anonymous(name);
        let windows = windows.unwrap_or_else(|error| {
            spec.invalid = Some(error.to_string());
            Windows::global()
        });
        let plan = WindowPlan { windows, allowed_lateness, late_output };
        stream.transform_keyed(spec, move |selector, _| WindowRunner::new(&plan, selector, logic.clone()))
    }
}
