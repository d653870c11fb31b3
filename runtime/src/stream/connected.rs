//! Two streams as the inputs of one operator.

use std::rc::Rc;
use std::sync::Arc;

use super::stream::NodeSpec;
use super::{KeyedConnectedStreams, Stream};
use crate::data::{Data, Key};
use crate::graph::{Body, Downstream, MakeStages, NodeContext};
use crate::operator::co_process::Co;
use crate::operator::process::{OnError, ProcessOperator, Two};
use crate::operator::simple::{Both, FlatMap, Map};
use crate::operator::{CoProcess, Either, Link, Process, TwoInputOperator, two_inputs};
use crate::state::operator_state;

/// Two streams, each with a type of its own, as the inputs of one operator.
///
/// The operator's watermark is the lower of the two streams', and a record of one stream may come before or after any of
/// the other. How the records of each are spread over the operator's subtasks is that stream's own affair.
///
/// An operator that takes [`Either`] sees the records of both.
pub struct ConnectedStreams<L, R> {
    pub(super) left: Stream<L>,
    pub(super) right: Stream<R>,
}

impl<L, R> Clone for ConnectedStreams<L, R> {
    fn clone(&self) -> Self {
        Self { left: self.left.clone(), right: self.right.clone() }
    }
}

impl<L: Data, R: Data> ConnectedStreams<L, R> {
    pub(super) fn new(left: Stream<L>, right: Stream<R>) -> Self {
        Self { left, right }
    }

    /// Adds an operator with two inputs, made anew in each subtask.
    pub(crate) fn transform<O>(
        self,
        spec: NodeSpec,
        make: impl Fn(&NodeContext) -> O + Send + Sync + 'static,
    ) -> Stream<O::Out>
    where
        O: TwoInputOperator<In = L, Second = R>,
    {
        self.transform_with(spec, move |ctx, downstream| {
            let operator = make(ctx);
            Link::new(Arc::clone(&ctx.uid), operator, downstream.output(ctx))
        })
    }

    /// Adds an operator with two inputs, made anew in each subtask together with its output, which ends in records of
    /// type `U`.
    pub(crate) fn transform_with<O, U>(
        self,
        mut spec: NodeSpec,
        make: impl Fn(&NodeContext, Downstream) -> Link<O> + Send + Sync + 'static,
    ) -> Stream<U>
    where
        O: TwoInputOperator<In = L, Second = R>,
        U: Data,
    {
        let Self { left, right } = self;
        if !Rc::ptr_eq(&left.graph, &right.graph) {
            let reason = "it connects streams of two environments: make both streams from one";
            spec.invalid.get_or_insert_with(|| reason.to_owned());
        }
        let body: MakeStages = Arc::new(move |ctx, downstream| Ok(two_inputs::stages(make(&ctx, downstream))));
        let mut inputs = left.edges(0);
        inputs.extend(right.edges(1));
        let node = left.add_node_with(spec, inputs, Body::Operator(body));
        Stream::of_node(left.graph, node)
    }

    /// One result per record, by a function for each stream.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let [celsius, fahrenheit] = [[20.0], [50.0]].map(|readings| env.from_collection(readings));
    /// let out = celsius.connect(fahrenheit).map(|c: f64| c, |f: f64| (f - 32.0) / 1.8).collect();
    /// # env.execute()?;
    /// let mut out = out.take();
    /// out.sort_by(f64::total_cmp);
    /// assert_eq!(out, [10.0, 20.0]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn map<U: Data>(
        self,
        left: impl FnMut(L) -> U + Clone + Send + Sync + 'static,
        right: impl FnMut(R) -> U + Clone + Send + Sync + 'static,
    ) -> Stream<U> {
        let make = move |_: &NodeContext| Both { first: Map::new(left.clone()), second: Map::new(right.clone()) };
        self.transform(NodeSpec::anonymous("co_map"), make)
    }

    /// Any number of results per record, by a function for each stream.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let lines = env.from_collection(["to be".to_owned()]);
    /// let split = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    /// let out = lines.connect(env.from_collection([7])).flat_map(split, |n| Some(n.to_string())).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), ["7", "be", "to"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn flat_map<U, I, J>(
        self,
        left: impl FnMut(L) -> I + Clone + Send + Sync + 'static,
        right: impl FnMut(R) -> J + Clone + Send + Sync + 'static,
    ) -> Stream<U>
    where
        U: Data,
        I: IntoIterator<Item = U> + 'static,
        J: IntoIterator<Item = U> + 'static,
    {
        let make =
            move |_: &NodeContext| Both { first: FlatMap::new(left.clone()), second: FlatMap::new(right.clone()) };
        self.transform(NodeSpec::anonymous("co_flat_map"), make)
    }

    /// Applies a [`Process`] that takes the records of both streams.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// Tells whether a record is of the left stream.
    /// #[derive(Clone)]
    /// struct Origin;
    ///
    /// impl Process for Origin {
    ///     type In = Either<u64, char>;
    ///     type Out = bool;
    ///     fn process(&mut self, record: Self::In, _ctx: &mut Context<'_>, out: &mut Collector<bool>) -> Result<()> {
    ///         out.emit(record.is_left());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1]).connect(env.from_collection(['b'])).process("origin", Origin).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [false, true]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<P: Process<In = Either<L, R>>>(self, name: &str, process: P) -> Stream<P::Out> {
        self.process_or(name, process, OnError::Fail)
    }

    /// [`ConnectedStreams::process`] with a policy for records on which it fails.
    #[track_caller]
    pub fn process_or<P>(self, name: &str, mut process: P, on_error: OnError<Either<L, R>>) -> Stream<P::Out>
    where
        P: Process<In = Either<L, R>>,
    {
        let states = process.operator_states();
        let (stateful, invalid) = (!states.is_empty(), operator_state::check(&[], &states));
        let spec = NodeSpec { anonymous: false, stateful, invalid, ..NodeSpec::anonymous(name) };
        self.transform(spec, move |_| ProcessOperator::<_, Two<L, R>>::new(process.clone(), on_error.clone()))
    }

    /// Applies a [`CoProcess`], which has a function for each stream.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// Numbers and letters in their text form.
    /// #[derive(Clone)]
    /// struct Text;
    ///
    /// impl CoProcess for Text {
    ///     type Left = u64;
    ///     type Right = char;
    ///     type Out = String;
    ///     fn process_left(&mut self, n: u64, _ctx: &mut Context<'_>, out: &mut Collector<String>) -> Result<()> {
    ///         out.emit(n.to_string());
    ///         Ok(())
    ///     }
    ///     fn process_right(&mut self, c: char, _ctx: &mut Context<'_>, out: &mut Collector<String>) -> Result<()> {
    ///         out.emit(c.to_string());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1]).connect(env.from_collection(['b'])).co_process("text", Text).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), ["1", "b"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn co_process<P: CoProcess<Left = L, Right = R>>(self, name: &str, process: P) -> Stream<P::Out> {
        self.process(name, Co(process))
    }

    /// [`ConnectedStreams::co_process`] with a policy for records on which it fails.
    #[track_caller]
    pub fn co_process_or<P>(self, name: &str, process: P, on_error: OnError<Either<L, R>>) -> Stream<P::Out>
    where
        P: CoProcess<Left = L, Right = R>,
    {
        self.process_or(name, Co(process), on_error)
    }

    /// Groups the records of both streams by a key of the same type, which is a part of each.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let orders = env.from_collection([(1, 'a')]);
    /// let shipments = env.from_collection([(1, 3.5)]);
    /// let by_number = orders.connect(shipments).key_by(|order: &(u32, char)| &order.0, |shipment| &shipment.0);
    /// # drop(by_number);
    /// ```
    pub fn key_by<K: Key>(
        self,
        left: impl for<'a> Fn(&'a L) -> &'a K + Send + Sync + 'static,
        right: impl for<'a> Fn(&'a R) -> &'a K + Send + Sync + 'static,
    ) -> KeyedConnectedStreams<K, L, R> {
        KeyedConnectedStreams::new(self.left.key_by(left), self.right.key_by(right))
    }

    /// Groups the records of both streams by something of the same type that is computed from each.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let [left, right] = [[1, 2], [3, 4]].map(|numbers| env.from_collection(numbers));
    /// let by_parity = left.connect(right).key_by_owned(|n| n % 2, |n| n % 2);
    /// # drop(by_parity);
    /// ```
    pub fn key_by_owned<K: Key>(
        self,
        left: impl Fn(&L) -> K + Send + Sync + 'static,
        right: impl Fn(&R) -> K + Send + Sync + 'static,
    ) -> KeyedConnectedStreams<K, L, R> {
        KeyedConnectedStreams::new(self.left.key_by_owned(left), self.right.key_by_owned(right))
    }
}
