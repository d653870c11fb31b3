//! What becomes of the records of a window: counted, folded, or seen as a whole.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::stream::NodeSpec;
use super::{Stream, WindowedStream};
use crate::data::{Data, Key};
use crate::operator::{Aggregate, Collector};
use crate::state::operator_state;
use crate::window::fold::{AggregateFold, ContentsFold, CountFold, Fold, Folded, ReduceFold};
use crate::window::stateful::Stateful;
use crate::window::{IntoResult, ProcessWindow, WindowContext};

impl<K: Key, T: Data> WindowedStream<K, T> {
    /// The number of records in each window, with the key.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountWindow;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection(["a", "b", "a"].map(str::to_owned)).key_by(|word| word);
    /// let counts = windows.window(CountWindow::tumbling(2)).count().collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take(), [("a".to_owned(), 2)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
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
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountWindow;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([1, 2, 3, 4]).key_by_owned(|_| ()).window(CountWindow::tumbling(2));
    /// let sums = windows.reduce(|a, b| a + b).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [3, 7]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce(self, reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static) -> Stream<T> {
        self.fold("window_reduce", ReduceFold::new(reduce), |_: &K, acc, _, out| {
            out.extend(acc.into_owned());
        })
    }

    /// Combines the records of each window as they come, in order, and hands the result with key and window to a function,
    /// which returns nothing or a [`Result`](crate::Result).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::CountWindow;
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection([1, 2, 3, 4]).key_by_owned(|_| 'k').window(CountWindow::tumbling(2));
    /// let sums = windows.reduce_with(|a, b| a + b, |key, _window, sum, out| out.emit((*key, sum))).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [('k', 3), ('k', 7)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce_with<O: Data, R: IntoResult>(
        self,
        reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static,
        function: impl Fn(&K, &mut WindowContext<'_>, T, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.fold("window_reduce", ReduceFold::new(reduce), move |key: &K, acc, window, out| {
            acc.into_owned().map_or(Ok(()), |value| function(key, window, value, out).into_result())
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

    /// Keeps all records of each window, and hands them to a function that has states.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountWindow, ProcessWindow, WindowStates};
    /// # #[derive(Clone)]
    /// # struct Number;
    /// # impl<K: Key> ProcessWindow<K> for Number {
    /// #     type In = Vec<char>;
    /// #     type Out = (u64, String);
    /// #     type State = (Value<u64>,);
    /// #     type WindowState = ();
    /// #     fn states(&self) -> Vec<StateSpec> { vec![StateSpec::new("windows")] }
    /// #     fn new_state(&self) -> Self::State { Default::default() }
    /// #     fn new_window_state(&self) {}
    /// #     fn process(&mut self, _: &K, chars: Vec<char>, states: WindowStates<'_, Self::State, ()>,
    /// #         _: &mut WindowContext<'_>, out: &mut Collector<(u64, String)>) -> Result<()> {
    /// #         let number = states.key.0.get_or_default();
    /// #         *number += 1;
    /// #         out.emit((*number, chars.into_iter().collect()));
    /// #         Ok(())
    /// #     }
    /// # }
    /// # let env = Environment::new("example");
    /// let windows = env.from_collection(['a', 'b', 'c', 'd']).key_by_owned(|_| ()).window(CountWindow::tumbling(2));
    /// let numbered = windows.process_window("number", Number).collect();
    /// # env.execute()?;
    /// assert_eq!(numbered.take(), [(1, "ab".to_owned()), (2, "cd".to_owned())]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process_window<P: ProcessWindow<K, In = Vec<T>>>(self, name: &str, function: P) -> Stream<P::Out> {
        self.stateful(name, ContentsFold(PhantomData), |acc| Some(acc.into_owned()), function)
    }

    /// Folds the records of each window as they come, and hands the result to a function that has states.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountWindow, ProcessWindow, WindowStates};
    /// # let env = Environment::new("example");
    /// # #[derive(Clone)]
    /// # struct Numbered;
    /// # impl<K: Key> ProcessWindow<K> for Numbered {
    /// #     type In = u64;
    /// #     type Out = (u64, u64);
    /// #     type State = (Value<u64>,);
    /// #     type WindowState = ();
    /// #     fn states(&self) -> Vec<StateSpec> { vec![StateSpec::new("windows")] }
    /// #     fn new_state(&self) -> Self::State { Default::default() }
    /// #     fn new_window_state(&self) {}
    /// #     fn process(&mut self, _: &K, input: u64, states: WindowStates<'_, Self::State, ()>,
    /// #         _: &mut WindowContext<'_>, out: &mut Collector<(u64, u64)>) -> Result<()> {
    /// #         *states.key.0.get_or_default() += 1;
    /// #         out.emit((*states.key.0.get_or_default(), input));
    /// #         Ok(())
    /// #     }
    /// # }
    /// # #[derive(Clone)]
    /// # struct Sum;
    /// # impl Aggregate for Sum {
    /// #     type In = u64;
    /// #     type Acc = u64;
    /// #     type Out = u64;
    /// #     fn create(&self) -> u64 { 0 }
    /// #     fn add(&self, acc: &mut u64, value: u64) { *acc += value }
    /// #     fn merge(&self, acc: &mut u64, other: u64) { *acc += other }
    /// #     fn result(&self, acc: &u64) -> u64 { *acc }
    /// # }
    /// let windows = env.from_collection([1u64, 2, 3, 4]).key_by_owned(|_| ()).window(CountWindow::tumbling(2));
    /// let sums = windows.aggregate_window("sums", Sum, Numbered).collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [(1, 3), (2, 7)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn aggregate_window<A, P>(self, name: &str, aggregate: A, function: P) -> Stream<P::Out>
    where
        A: Aggregate<In = T>,
        P: ProcessWindow<K, In = A::Out>,
    {
        let results = aggregate.clone();
        self.stateful(name, AggregateFold(aggregate), move |acc| Some(results.result(&acc)), function)
    }

    /// Combines the records of each window as they come, in order, and hands the result to a function that has states.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountWindow, ProcessWindow, WindowStates};
    /// # let env = Environment::new("example");
    /// # #[derive(Clone)]
    /// # struct Numbered;
    /// # impl<K: Key> ProcessWindow<K> for Numbered {
    /// #     type In = u64;
    /// #     type Out = (u64, u64);
    /// #     type State = (Value<u64>,);
    /// #     type WindowState = ();
    /// #     fn states(&self) -> Vec<StateSpec> { vec![StateSpec::new("windows")] }
    /// #     fn new_state(&self) -> Self::State { Default::default() }
    /// #     fn new_window_state(&self) {}
    /// #     fn process(&mut self, _: &K, input: u64, states: WindowStates<'_, Self::State, ()>,
    /// #         _: &mut WindowContext<'_>, out: &mut Collector<(u64, u64)>) -> Result<()> {
    /// #         *states.key.0.get_or_default() += 1;
    /// #         out.emit((*states.key.0.get_or_default(), input));
    /// #         Ok(())
    /// #     }
    /// # }
    /// let windows = env.from_collection([1u64, 2, 3, 4]).key_by_owned(|_| ()).window(CountWindow::tumbling(2));
    /// let products = windows.reduce_window("products", |a, b| a * b, Numbered).collect();
    /// # env.execute()?;
    /// assert_eq!(products.take(), [(1, 2), (2, 12)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce_window<P: ProcessWindow<K, In = T>>(
        self,
        name: &str,
        reduce: impl Fn(T, T) -> T + Clone + Send + Sync + 'static,
        function: P,
    ) -> Stream<P::Out> {
        self.stateful(name, ReduceFold::new(reduce), |acc| acc.into_owned(), function)
    }

    #[track_caller]
    pub(super) fn fold<D: Fold<In = T>, O: Data, R: IntoResult>(
        self,
        name: &str,
        fold: D,
        emit: impl Fn(&K, Cow<'_, D::Acc>, &mut WindowContext<'_>, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        let emit = move |key: &K, acc: Cow<'_, D::Acc>, window: &mut WindowContext<'_>, out: &mut Collector<O>| {
            emit(key, acc, window, out).into_result()
        };
        let logic = Folded::new(fold, emit);
        self.run(NodeSpec::anonymous(name), move || logic.clone())
    }

    #[track_caller]
    fn stateful<D: Fold<In = T>, P: ProcessWindow<K>>(
        self,
        name: &str,
        fold: D,
        give: impl Fn(Cow<'_, D::Acc>) -> Option<P::In> + Clone + Send + Sync + 'static,
        function: P,
    ) -> Stream<P::Out> {
        let (states, window_states) = (function.states(), function.window_states());
        let all: Vec<_> = states.iter().chain(&window_states).cloned().collect();
        let invalid = match window_states.first() {
            Some(state) if self.merge() => Some(format!(
                "the state `{}` of windows that merge, of which it cannot be told what becomes: keep it for the key, or use \
                 windows that do not merge",
                state.name
            )),
            _ => operator_state::check(&all, &Vec::new()),
        };
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) };
        self.run(spec, move || Stateful::new(fold.clone(), give.clone(), function.clone()))
    }
}
