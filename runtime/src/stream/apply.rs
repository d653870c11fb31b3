//! Applying annotated operators.

use super::{
    BroadcastConnectedStream, ConnectedStreams, KeyedBroadcastConnectedStream, KeyedConnectedStreams, KeyedStream,
    Stream,
};
use crate::cep::{PatternOperator, PatternProcess, TypedPattern};
use crate::data::{Data, Key};
use crate::operator::{
    Annotated, ApplyTo, AsyncFunction, AsyncOperator, Either, KeyedBroadcastOperator, KeyedOperator, OperatorOptions,
    Process,
};

impl<T: Data> Stream<T> {
    /// Applies an annotated operator.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[operator]
    /// fn double(n: u64) -> u64 {
    ///     n * 2
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2]).apply(double()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2, 4]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }

    /// Sets what an annotation says of the operator just added.
    pub(super) fn annotated<I>(mut self, options: &OperatorOptions<I>) -> Self {
        if let Some(uid) = &options.uid {
            self = self.uid(uid);
        }
        if let Some(parallelism) = options.parallelism {
            self = self.parallelism(parallelism);
        }
        self
    }
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Applies an annotated keyed operator.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[operator(keyed)]
    /// fn total(amount: u64, #[state] sum: &mut Value<u64>) -> u64 {
    ///     *sum.get_or_default() += amount;
    ///     *sum.get_or_default()
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2]).key_by_owned(|_| ()).apply(total()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [1, 3]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }
}

impl<L: Data, R: Data> ConnectedStreams<L, R> {
    /// Applies an annotated operator that takes [`Either`] of the two.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[operator]
    /// fn text(either: Either<u64, char>) -> String {
    ///     either.either(|n| n.to_string(), String::from)
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1]).connect(env.from_collection(['b'])).apply(text()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), ["1", "b"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }
}

impl<K: Key, L: Data, R: Data> KeyedConnectedStreams<K, L, R> {
    /// Applies an annotated keyed operator that takes [`Either`] of the two.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// What is known of a key: the sum on the left less the sum on the right.
    /// #[operator(keyed)]
    /// fn balance(either: Either<i64, i64>, #[state] sum: &mut Value<i64>) -> i64 {
    ///     *sum.get_or_default() += either.either(|gain| gain, |loss| -loss);
    ///     *sum.get_or_default()
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let [gains, losses] = [vec![5], vec![]].map(|n| env.from_collection(n).key_by_owned(|_| ()));
    /// let out = gains.connect(losses).apply(balance()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [5]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }
}

impl<T: Data, B: Data> BroadcastConnectedStream<T, B> {
    /// Applies an annotated operator that takes [`Either`] a record or one of the broadcast.
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }
}

impl<K: Key, T: Data, B: Data> KeyedBroadcastConnectedStream<K, T, B> {
    /// Applies an annotated keyed operator with a broadcast.
    #[track_caller]
    pub fn apply<O: ApplyTo<Self>>(self, operator: O) -> O::Output {
        operator.apply_to(self)
    }
}

impl<P: Process> ApplyTo<Stream<P::In>> for Annotated<P, P::In> {
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, stream: Stream<P::In>) -> Stream<P::Out> {
        let Self { operator, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "process".to_owned());
        let on_error = options.on_error.clone();
        let applied = match options.blocking {
            None => stream.process_or(&name, operator, on_error),
            Some(in_flight) => stream.process_blocking(&name, operator, in_flight, on_error),
        };
        applied.annotated(&options)
    }
}

impl<F: AsyncFunction> ApplyTo<Stream<F::In>> for AsyncOperator<F> {
    type Output = Stream<F::Out>;

    #[track_caller]
    fn apply_to(self, stream: Stream<F::In>) -> Stream<F::Out> {
        let Self { function, options, requests } = self;
        let name = options.name.clone().unwrap_or_else(|| "async".to_owned());
        stream.process_async_or(&name, function, requests, options.on_error.clone()).annotated(&options)
    }
}

impl<K: Key, P: KeyedOperator<K>> ApplyTo<KeyedStream<K, P::In>> for Annotated<P, P::In> {
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, stream: KeyedStream<K, P::In>) -> Stream<P::Out> {
        let Self { operator, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "process".to_owned());
        stream.process_or(&name, operator, options.on_error.clone()).annotated(&options)
    }
}

impl<L, R, P> ApplyTo<ConnectedStreams<L, R>> for Annotated<P, Either<L, R>>
where
    L: Data,
    R: Data,
    P: Process<In = Either<L, R>>,
{
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, streams: ConnectedStreams<L, R>) -> Stream<P::Out> {
        let Self { operator, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "process".to_owned());
        let applied = streams.process_or(&name, operator, options.on_error.clone()).annotated(&options);
        applied.update("apply", |node| {
            if options.blocking.is_some() {
                let reason = "it is `blocking` and has two inputs: do what blocks in an operator of its own behind it";
                node.invalid.get_or_insert_with(|| reason.to_owned());
            }
        })
    }
}

impl<K, L, R, P> ApplyTo<KeyedConnectedStreams<K, L, R>> for Annotated<P, Either<L, R>>
where
    K: Key,
    L: Data,
    R: Data,
    P: KeyedOperator<K, In = Either<L, R>>,
{
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, streams: KeyedConnectedStreams<K, L, R>) -> Stream<P::Out> {
        let Self { operator, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "process".to_owned());
        streams.process_or(&name, operator, options.on_error.clone()).annotated(&options)
    }
}

impl<T, B, P> ApplyTo<BroadcastConnectedStream<T, B>> for Annotated<P, Either<T, B>>
where
    T: Data,
    B: Data,
    P: Process<In = Either<T, B>>,
{
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, streams: BroadcastConnectedStream<T, B>) -> Stream<P::Out> {
        self.apply_to(streams.streams)
    }
}

impl<K, B, P> ApplyTo<KeyedBroadcastConnectedStream<K, P::In, B>> for Annotated<P, P::In>
where
    K: Key,
    B: Data,
    P: KeyedBroadcastOperator<K, Broadcast = B>,
{
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, streams: KeyedBroadcastConnectedStream<K, P::In, B>) -> Stream<P::Out> {
        let Self { operator, options } = self;
        let name = options.name.clone().unwrap_or_else(|| "process".to_owned());
        streams.process_or(&name, operator, options.on_error.clone()).annotated(&options)
    }
}

impl<K, M, P> ApplyTo<KeyedStream<K, M::Event>> for PatternOperator<P, M>
where
    K: Key,
    M: TypedPattern<Event: Data>,
    P: PatternProcess<K, M::Event>,
{
    type Output = Stream<P::Out>;

    #[track_caller]
    fn apply_to(self, stream: KeyedStream<K, M::Event>) -> Stream<P::Out> {
        let Self { process, options, settings, .. } = self;
        let name = options.name.clone().unwrap_or_else(|| "pattern".to_owned());
        stream.pattern_with(&M::pattern(), settings).process(&name, process).annotated(&options)
    }
}
