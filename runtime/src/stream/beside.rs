//! Steps that wait for something outside.

use std::sync::Arc;

use super::Stream;
use super::stream::NodeSpec;
use crate::data::Data;
use crate::error::Result;
use crate::graph::{Body, MakeStages};
use crate::operator::async_io::{AsyncCalls, AsyncMap};
use crate::operator::beside::{BesideStage, Calls, Order};
use crate::operator::blocking::BlockingCalls;
use crate::operator::process::OnError;
use crate::operator::{AnyStage, AsyncFunction, AsyncOptions, BoxStage, Process};

impl<T: Data> Stream<T> {
    /// One result per record, from a future.
    ///
    /// ```
    /// # use millstream::operator::AsyncOptions;
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let double = |n: u64| async move { Ok(n * 2) };
    /// let out = env.from_collection([1, 2]).map_async(double, AsyncOptions::ordered()).uid("double").collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2, 4]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    ///
    /// Futures run beside the engine's threads, many at a time; see [`AsyncOptions`] for their order, their number, timeouts
    /// and retries, and [`AsyncFunction`] for functions with a client of their own.
    #[track_caller]
    pub fn map_async<U, R>(
        self,
        function: impl Fn(T) -> R + Clone + Send + Sync + 'static,
        options: AsyncOptions<U>,
    ) -> Stream<U>
    where
        U: Data,
        R: Future<Output = Result<U>> + Send + 'static,
    {
        let spec = NodeSpec { invalid: options.invalid(), ..NodeSpec::anonymous("map_async") };
        self.asynchronous(spec, AsyncMap::new(function), options, OnError::Fail)
    }

    /// Applies an [`AsyncFunction`].
    ///
    /// ```
    /// # use millstream::operator::{AsyncContext, AsyncFunction, AsyncOptions};
    /// # use millstream::prelude::*;
    /// #[derive(Clone)]
    /// struct Twice;
    ///
    /// impl AsyncFunction for Twice {
    ///     type In = u64;
    ///     type Out = u64;
    ///     async fn call(&self, n: u64, _ctx: &AsyncContext) -> Result<Vec<u64>> {
    ///         Ok(vec![n, n])
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2]).process_async("twice", Twice, AsyncOptions::ordered()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [1, 1, 2, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process_async<F: AsyncFunction<In = T>>(
        self,
        name: &str,
        function: F,
        options: AsyncOptions<F::Out>,
    ) -> Stream<F::Out> {
        self.process_async_or(name, function, options, OnError::Fail)
    }

    /// [`Stream::process_async`] with a policy for records on which it fails, when all retries have.
    #[track_caller]
    pub fn process_async_or<F: AsyncFunction<In = T>>(
        self,
        name: &str,
        function: F,
        options: AsyncOptions<F::Out>,
        on_error: OnError<T>,
    ) -> Stream<F::Out> {
        let spec = NodeSpec { anonymous: false, invalid: options.invalid(), ..NodeSpec::anonymous(name) };
        self.asynchronous(spec, function, options, on_error)
    }

    fn asynchronous<F: AsyncFunction<In = T>>(
        self,
        spec: NodeSpec,
        function: F,
        options: AsyncOptions<F::Out>,
        on_error: OnError<T>,
    ) -> Stream<F::Out> {
        let bounds = (options.order, options.capacity);
        self.beside(spec, move || AsyncCalls::new(function.clone(), options.clone()), bounds, on_error)
    }

    /// [`Stream::process_or`] for a function that may wait: up to `in_flight` records of each subtask are processed at a
    /// time, on threads of their own; results keep the order of the records. Each call works on a fresh clone of
    /// `process`, whose `open` and `close` are not called and whose context has no side outputs.
    #[track_caller]
    pub fn process_blocking<P: Process<In = T>>(
        self,
        name: &str,
        mut process: P,
        in_flight: usize,
        on_error: OnError<T>,
    ) -> Stream<P::Out> {
        let invalid = match process.operator_states().first() {
            Some((state, _)) => Some(format!(
                "the state `{}` in an operator that may block, whose calls know nothing of each other: keep it in an operator \
                 before or after this one",
                state.name
            )),
            None => (in_flight == 0).then(|| "0 records in flight: allow at least 1".to_owned()),
        };
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) };
        self.beside(spec, move || BlockingCalls(process.clone()), (Order::Ordered, in_flight), on_error)
    }

    /// Has records worked on beside the subtask's thread, in an order and up to a number. What is in flight is state.
    fn beside<C: Calls<In = T>>(
        self,
        spec: NodeSpec,
        calls: impl Fn() -> C + Send + Sync + 'static,
        bounds: (Order, usize),
        on_error: OnError<T>,
    ) -> Stream<C::Out> {
        let body: MakeStages = Arc::new(move |ctx, downstream| {
            let stage: BoxStage<T> = Box::new(BesideStage::new(calls(), on_error.clone(), bounds, &ctx, downstream));
            Ok(vec![AnyStage::new(stage)])
        });
        let node = self.add_node(spec.stateful(), Body::Operator(body));
        Stream::of_node(self.graph, node)
    }
}
