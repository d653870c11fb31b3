//! Applying annotated operators.

use super::{KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::{Annotated, ApplyTo, AsyncFunction, AsyncOperator, KeyedOperator, OperatorOptions, Process};

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
    fn annotated<I>(mut self, options: &OperatorOptions<I>) -> Self {
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
