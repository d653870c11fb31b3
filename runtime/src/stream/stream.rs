//! Streams without keys.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::{BroadcastConnectedStream, ConnectedStreams, KeyedStream};
use crate::channel::partitioner::Rule;
use crate::connector::{CollectSink, Collected, PrintSink, Sink};
use crate::data::{Data, Key};
use crate::graph::{Body, Chaining, Edge, Graph, MakeStages, Node, NodeContext, NodeId, TypedEdge};
use crate::operator::keyed::{BorrowedKey, OwnedKey};
use crate::operator::process::{OnError, One, ProcessOperator};
use crate::operator::simple::{Filter, FlatMap, Map};
use crate::operator::watermarks::WatermarkStage;
use crate::operator::{AnyStage, BoxStage, Link, Operator, OutputTag, Process};
use crate::state::operator_state;
use crate::task::{REJECTED, SinkStage, committer_factory};
use crate::time::WatermarkStrategy;

/// A stream of records with values of type `T`.
///
/// Every method adds an operator to the job; nothing runs before the environment executes. Methods such as
/// [`Stream::name`] speak of the operator added last.
pub struct Stream<T> {
    pub(crate) graph: Rc<RefCell<Graph>>,
    /// Where the records come from; several after a union.
    pub(crate) origins: Vec<Upstream<T>>,
}

/// One origin of a stream: an output of an operator, and how its records are to be spread.
pub(crate) struct Upstream<T> {
    pub(crate) node: NodeId,
    pub(crate) side: Option<&'static str>,
    pub(crate) rule: Option<Rule<T>>,
}

impl<T> Clone for Upstream<T> {
    fn clone(&self) -> Self {
        Self { node: self.node, side: self.side, rule: self.rule.clone() }
    }
}

impl<T> Clone for Stream<T> {
    /// Another handle to the same stream: each operator applied to either sees every record.
    fn clone(&self) -> Self {
        Self { graph: Rc::clone(&self.graph), origins: self.origins.clone() }
    }
}

/// What the graph should know of a new operator.
pub(crate) struct NodeSpec {
    pub(crate) name: String,
    /// Whether it keeps state.
    pub(crate) stateful: bool,
    /// Whether the name was made up by the library and so says nothing lasting.
    pub(crate) anonymous: bool,
    pub(crate) location: &'static Location<'static>,
    /// A setting that cannot be.
    pub(crate) invalid: Option<String>,
}

impl NodeSpec {
    /// A step made of a closure.
    #[track_caller]
    pub(crate) fn anonymous(name: &str) -> Self {
        let location = Location::caller();
        Self { name: name.to_owned(), stateful: false, anonymous: true, location, invalid: None }
    }

    pub(crate) fn stateful(mut self) -> Self {
        self.stateful = true;
        self
    }
}

impl<T: Data> Stream<T> {
    pub(crate) fn of_node(graph: Rc<RefCell<Graph>>, node: NodeId) -> Self {
        Self { graph, origins: vec![Upstream { node, side: None, rule: None }] }
    }

    /// The edges from this stream's origins to an operator's input.
    pub(crate) fn edges(&self, port: usize) -> Vec<Edge> {
        let edge = |origin: &Upstream<T>| Edge {
            from: origin.node,
            side: origin.side,
            port,
            partitioning: origin.rule.as_ref().map(Rule::kind),
            edge_type: TypedEdge::shared(origin.rule.clone().filter(|rule| !matches!(rule, Rule::Blind(_)))),
        };
        self.origins.iter().map(edge).collect()
    }

    pub(crate) fn add_node(&self, spec: NodeSpec, body: Body) -> NodeId {
        self.add_node_with(spec, self.edges(0), body)
    }

    /// Adds an operator to the graph of this stream.
    pub(crate) fn add_node_with(&self, spec: NodeSpec, inputs: Vec<Edge>, body: Body) -> NodeId {
        let NodeSpec { name, stateful, anonymous, location, invalid } = spec;
        self.graph.borrow_mut().add(Node {
            name,
            uid: None,
            stateful,
            anonymous,
            parallelism: None,
            max_parallelism: None,
            chaining: Chaining::Always,
            slot_group: None,
            location,
            inputs,
            body,
            invalid,
        })
    }

    /// Adds an operator with one input, made anew in each subtask.
    pub(crate) fn transform<O>(
        self,
        spec: NodeSpec,
        make: impl Fn(&NodeContext) -> O + Send + Sync + 'static,
    ) -> Stream<O::Out>
    where
        O: Operator<In = T>,
        O::Out: Data,
    {
        let body: MakeStages = Arc::new(move |ctx, downstream| {
            let operator = make(&ctx);
            let output = downstream.output::<O::Out>(&ctx);
            Ok(vec![AnyStage::new(Link::boxed(Arc::clone(&ctx.uid), operator, output))])
        });
        let node = self.add_node(spec, Body::Operator(body));
        Stream::of_node(self.graph, node)
    }

    /// Changes the operator added last.
    pub(crate) fn update(self, what: &str, change: impl FnOnce(&mut Node)) -> Self {
        {
            let nodes = &mut self.graph.borrow_mut().nodes;
            match self.origins.as_slice() {
                [origin] if origin.side.is_none() => change(&mut nodes[origin.node]),
                // A union or a side output is not an operator; saying so when the job is planned beats a panic here.
                origins => {
                    let reason =
                        format!("`.{what}(..)` was called on a union or a side output of it: call it on an operator");
                    nodes[origins[0].node].invalid.get_or_insert(reason);
                }
            }
        }
        self
    }

    /// Names the operator added last: what logs, metrics and plans call it, and, for a stateful operator without uid,
    /// its identity in snapshots.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.update("name", |node| {
            node.name = name.to_owned();
            node.anonymous = false;
        })
    }

    /// Gives the operator added last an identity that outlives changes of the job around it.
    #[must_use]
    pub fn uid(self, uid: &str) -> Self {
        self.update("uid", |node| node.uid = Some(uid.to_owned()))
    }

    /// How many subtasks the operator added last has.
    #[must_use]
    pub fn parallelism(self, parallelism: usize) -> Self {
        self.update("parallelism", |node| node.parallelism = Some(parallelism))
    }

    /// The number of key groups of the operator added last.
    #[must_use]
    pub fn max_parallelism(self, max_parallelism: usize) -> Self {
        self.update("max_parallelism", |node| node.max_parallelism = Some(max_parallelism))
    }

    /// Does not chain the operator added last to the one before it.
    #[must_use]
    pub fn start_new_chain(self) -> Self {
        self.update("start_new_chain", |node| node.chaining = Chaining::Head)
    }

    /// Chains the operator added last to no other.
    #[must_use]
    pub fn disable_chaining(self) -> Self {
        self.update("disable_chaining", |node| node.chaining = Chaining::Never)
    }

    /// Puts the operator added last, and those behind it, into slots of their own.
    #[must_use]
    pub fn slot_sharing_group(self, group: &str) -> Self {
        self.update("slot_sharing_group", |node| node.slot_group = Some(group.to_owned()))
    }

    /// One result per record.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2]).map(|n| n + 1).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2, 3]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn map<U: Data>(self, function: impl FnMut(T) -> U + Clone + Send + Sync + 'static) -> Stream<U> {
        self.transform(NodeSpec::anonymous("map"), move |_| Map::new(function.clone()))
    }

    /// The records for which the predicate holds.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2, 3]).filter(|n| n % 2 == 1).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [1, 3]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn filter(self, predicate: impl FnMut(&T) -> bool + Clone + Send + Sync + 'static) -> Self {
        self.transform(NodeSpec::anonymous("filter"), move |_| Filter::new(predicate.clone()))
    }

    /// Any number of results per record.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([2, 0, 1]).flat_map(|n| vec![n; n]).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2, 2, 1]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn flat_map<I>(self, function: impl FnMut(T) -> I + Clone + Send + Sync + 'static) -> Stream<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static,
    {
        self.transform(NodeSpec::anonymous("flat_map"), move |_| FlatMap::new(function.clone()))
    }

    /// Applies a [`Process`], which can use the context, fail, and emit any number of results.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[derive(Clone)]
    /// struct Halves;
    ///
    /// impl Process for Halves {
    ///     type In = u64;
    ///     type Out = u64;
    ///     fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
    ///         out.emit(value / 2);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([4, 7]).process("halves", Halves).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2, 3]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<P: Process<In = T>>(self, name: &str, process: P) -> Stream<P::Out> {
        self.process_or(name, process, OnError::Fail)
    }

    /// [`Stream::process`] with a policy for records on which it fails.
    #[track_caller]
    pub fn process_or<P: Process<In = T>>(self, name: &str, mut process: P, on_error: OnError<T>) -> Stream<P::Out> {
        let states = process.operator_states();
        let (stateful, invalid) = (!states.is_empty(), operator_state::check(&[], &states));
        let spec = NodeSpec { anonymous: false, stateful, invalid, ..NodeSpec::anonymous(name) };
        self.transform(spec, move |_| ProcessOperator::<_, One>::new(process.clone(), on_error.clone()))
    }

    /// Gives records event times, and the stream watermarks. Each split of the source has a watermark of its own if this
    /// stands in the source's chain, with nothing in between but steps without an exchange.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let readings = env.from_collection([(1000, 'a'), (900, 'b')]).watermarks(
    ///     WatermarkStrategy::bounded_out_of_orderness(Duration::from_secs(1))
    ///         .timestamps(|reading: &(i64, char)| Timestamp::from_millis(reading.0)),
    /// );
    /// ```
    #[track_caller]
    pub fn watermarks(self, strategy: WatermarkStrategy<T>) -> Self {
        let spec = NodeSpec::anonymous("watermarks").stateful();
        let body: MakeStages = Arc::new(move |ctx, downstream| {
            let stage: BoxStage<T> = Box::new(WatermarkStage::new(strategy.clone(), &ctx, downstream));
            Ok(vec![AnyStage::new(stage)])
        });
        let node = self.add_node(spec, Body::Operator(body));
        Self::of_node(self.graph, node)
    }

    /// The records of this stream and of others, in no particular order.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1]).union([env.from_collection([2])]).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [1, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn union(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for other in others {
            self.origins.extend(other.origins);
        }
        self
    }

    /// This stream and another one, of a type of its own, as the two inputs of an operator.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let words = env.from_collection(["b".to_owned()]);
    /// let out = env.from_collection([1]).connect(words).map(|n| n.to_string(), |word| word).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), ["1", "b"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn connect<R: Data>(self, other: Stream<R>) -> ConnectedStreams<T, R> {
        ConnectedStreams::new(self, other)
    }

    /// This stream and another one, which every subtask of the next operator sees, as the inputs of an operator.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// Orders with the price of the last offer before: a lookup in a table that changes with time.
    /// #[operator]
    /// fn priced(of: Either<u32, (u32, u64)>, #[state] prices: &mut BroadcastState<u32, u64>) -> Option<(u32, u64)> {
    ///     match of {
    ///         Either::Left(product) => return prices.get(&product).map(|price| (product, *price)),
    ///         Either::Right((product, price)) => prices.insert(product, price),
    ///     };
    ///     None
    /// }
    /// # let env = Environment::new("example");
    /// let offers = env.from_collection([(1, 30), (2, 7)]);
    /// let out = env.from_collection([2]).connect_broadcast(offers).apply(priced()).collect();
    /// # env.execute()?;
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn connect_broadcast<B: Data>(self, broadcast: Stream<B>) -> BroadcastConnectedStream<T, B> {
        BroadcastConnectedStream::new(self, broadcast)
    }

    /// A side output of the operator added last: what it emits by `ctx.output(tag, value)`.
    pub fn side_output<U: Data>(&self, tag: OutputTag<U>) -> Stream<U> {
        let origins =
            self.origins.iter().map(|origin| Upstream { node: origin.node, side: Some(tag.name()), rule: None });
        Stream { graph: Rc::clone(&self.graph), origins: origins.collect() }
    }

    /// The malformed records of the source, if its policy sends them here: where and what is wrong, and their text.
    pub fn rejected(&self) -> Stream<(String, String)> {
        self.side_output(REJECTED)
    }

    /// Groups records by a part of them. State, windows and timers behind it are kept per key.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let words = env.from_collection(["a", "b", "a"].map(String::from));
    /// let out = words.key_by(|word| word).count().collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [("a".into(), 1), ("a".into(), 2), ("b".into(), 1)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn key_by<K: Key>(self, key: impl for<'a> Fn(&'a T) -> &'a K + Send + Sync + 'static) -> KeyedStream<K, T> {
        KeyedStream::new(self, Arc::new(BorrowedKey(key, PhantomData)))
    }

    /// Groups records by something computed from them.
    pub fn key_by_owned<K: Key>(self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> KeyedStream<K, T> {
        KeyedStream::new(self, Arc::new(OwnedKey(key)))
    }

    /// Sends the records to a sink.
    #[track_caller]
    pub fn sink<S: Sink<In = T>>(self, sink: S) -> SinkHandle {
        let sink = Arc::new(sink);
        let spec = NodeSpec { anonymous: false, ..NodeSpec::anonymous(&sink.name()) };
        let committer = committer_factory(Arc::clone(&sink));
        let guarantee = sink.guarantee();
        let make: MakeStages = Arc::new(move |ctx, _| {
            let stage: BoxStage<T> = Box::new(SinkStage::new(Arc::clone(&sink), &ctx));
            Ok(vec![AnyStage::new(stage)])
        });
        let node = self.add_node(spec, Body::Sink { make, committer, guarantee });
        SinkHandle { graph: self.graph, node }
    }

    /// Prints each record on standard output in its `Debug` form.
    #[track_caller]
    pub fn print(self) -> SinkHandle
    where
        T: std::fmt::Debug,
    {
        self.sink(PrintSink::debug())
    }

    /// Keeps the records in memory, to be taken when the job has ended. For tests and small results.
    #[track_caller]
    pub fn collect(self) -> Collected<T> {
        let (sink, collected) = CollectSink::new();
        self.sink(sink);
        collected
    }
}

/// A sink that was added to a job.
pub struct SinkHandle {
    graph: Rc<RefCell<Graph>>,
    node: NodeId,
}

impl SinkHandle {
    fn update(self, change: impl FnOnce(&mut Node)) -> Self {
        change(&mut self.graph.borrow_mut().nodes[self.node]);
        self
    }

    /// Names the sink.
    pub fn name(self, name: &str) -> Self {
        self.update(|node| node.name = name.to_owned())
    }

    /// Gives the sink an identity that outlives changes of the job around it.
    pub fn uid(self, uid: &str) -> Self {
        self.update(|node| node.uid = Some(uid.to_owned()))
    }

    /// How many subtasks the sink has.
    pub fn parallelism(self, parallelism: usize) -> Self {
        self.update(|node| node.parallelism = Some(parallelism))
    }

    /// Does not chain the sink to the operator before it.
    pub fn disable_chaining(self) -> Self {
        self.update(|node| node.chaining = Chaining::Never)
    }

    /// Puts the sink into slots of its own.
    pub fn slot_sharing_group(self, group: &str) -> Self {
        self.update(|node| node.slot_group = Some(group.to_owned()))
    }
}
