//! Streams grouped by key.

use std::sync::Arc;

use super::stream::NodeSpec;
use super::{KeyedBroadcastConnectedStream, KeyedConnectedStreams, Stream};
use crate::channel::Batch;
use crate::channel::partitioner::Rule;
use crate::data::{Data, Key};
use crate::graph::NodeContext;
use crate::operator::keyed::{KeySelector, KeyedRunner, Rolling, RollingRunner};
use crate::operator::process::OnError;
use crate::operator::{KeyedOperator, Operator};
use crate::state::operator_state;

/// A stream whose records are grouped by a key of type `K`: all records of a key meet in one subtask, in order.
pub struct KeyedStream<K, T> {
    pub(super) stream: Stream<T>,
    pub(crate) selector: Arc<dyn KeySelector<T, K>>,
}

impl<K, T> Clone for KeyedStream<K, T> {
    fn clone(&self) -> Self {
        Self { stream: self.stream.clone(), selector: Arc::clone(&self.selector) }
    }
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    pub(crate) fn new(mut stream: Stream<T>, selector: Arc<dyn KeySelector<T, K>>) -> Self {
        let hash = Arc::clone(&selector);
        let rule = Rule::Hash(Arc::new(move |batch: &mut Batch<T>| hash.hash(batch)));
        for origin in &mut stream.origins {
            origin.rule = Some(rule.clone());
        }
        Self { stream, selector }
    }

    /// Adds an operator that finds the records' keys by the selector it is given.
    pub(crate) fn transform_keyed<O>(
        self,
        spec: NodeSpec,
        make: impl Fn(Arc<dyn KeySelector<T, K>>, &NodeContext) -> O + Send + Sync + 'static,
    ) -> Stream<O::Out>
    where
        O: Operator<In = T>,
        O::Out: Data,
    {
        let Self { stream, selector } = self;
        stream.transform(spec.stateful(), move |ctx| make(Arc::clone(&selector), ctx))
    }

    /// This stream and another one with the same keys as the two inputs of an operator: the records of a key meet in one
    /// subtask, those of each stream in order.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// The last price of each product, for each order.
    /// #[operator]
    /// fn price(of: Either<(u32, u64), u32>, #[state] last: &mut Value<u64>) -> Option<(u32, Option<u64>)> {
    ///     match of {
    ///         Either::Left((_, price)) => last.set(price),
    ///         Either::Right(product) => return Some((product, last.get().copied())),
    ///     }
    ///     None
    /// }
    /// # let env = Environment::new("example");
    /// let prices = env.from_collection([(1, 30)]).key_by(|price: &(u32, u64)| &price.0);
    /// let out = prices.connect(env.from_collection([2]).key_by(|product| product)).apply(price()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [(2, None)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn connect<R: Data>(self, other: KeyedStream<K, R>) -> KeyedConnectedStreams<K, T, R> {
        KeyedConnectedStreams::new(self, other)
    }

    /// This stream and another one without keys, which every subtask of the next operator sees, as the inputs of an
    /// operator: a [`KeyedBroadcastOperator`](crate::operator::KeyedBroadcastOperator).
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[derive(KeyedOperator)]
    /// #[operator(broadcast)]
    /// struct Seen {
    ///     #[state]
    ///     times: Value<u64>,
    /// }
    /// # impl KeyedBroadcastProcess for Seen {
    /// #     type Key = u64;
    /// #     type In = u64;
    /// #     type Broadcast = u64;
    /// #     type Shared = BroadcastState<u64, ()>;
    /// #     type Out = u64;
    /// #     fn process(
    /// #         &mut self,
    /// #         key: u64,
    /// #         hidden: &Self::Shared,
    /// #         _ctx: &mut KeyedContext<'_, u64>,
    /// #         out: &mut Collector<u64>,
    /// #     ) -> Result<()> {
    /// #         *self.times.get_or_default() += 1;
    /// #         out.extend((!hidden.contains_key(&key)).then_some(*self.times.get_or_default()));
    /// #         Ok(())
    /// #     }
    /// #     fn process_broadcast(
    /// #         &mut self,
    /// #         key: u64,
    /// #         hidden: &mut Self::Shared,
    /// #         _ctx: &mut BroadcastContext<'_>,
    /// #         _out: &mut Collector<u64>,
    /// #     ) -> Result<()> {
    /// #         hidden.insert(key, ());
    /// #         Ok(())
    /// #     }
    /// # }
    /// // `impl KeyedBroadcastProcess for Seen`: the times a key was seen, unless it is to be hidden.
    /// # let env = Environment::new("example");
    /// let keys = env.from_collection([5, 5, 7]).key_by(|key| key);
    /// let out = keys.connect_broadcast(env.from_collection([9])).apply(Seen::operator()).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [1, 1, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn connect_broadcast<B: Data>(self, broadcast: Stream<B>) -> KeyedBroadcastConnectedStream<K, T, B> {
        KeyedBroadcastConnectedStream::new(self, broadcast)
    }

    /// Applies a [`KeyedOperator`].
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[derive(Clone)]
    /// struct First;
    ///
    /// impl<K: Key> KeyedOperator<K> for First {
    ///     type In = u64;
    ///     type Out = u64;
    ///     type State = (Value<bool>,);
    ///     fn states(&self) -> Vec<StateSpec> {
    ///         vec![StateSpec::new("seen")]
    ///     }
    ///     fn new_state(&self) -> Self::State {
    ///         Default::default()
    ///     }
    ///     fn process(
    ///         &mut self,
    ///         value: u64,
    ///         (seen,): &mut Self::State,
    ///         _ctx: &mut KeyedContext<'_, K>,
    ///         out: &mut Collector<u64>,
    ///     ) -> Result<()> {
    ///         if seen.get().is_none() {
    ///             seen.set(true);
    ///             out.emit(value);
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 11, 2]).key_by_owned(|n| n % 10).process("first", First).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [1, 2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<P: KeyedOperator<K, In = T>>(self, name: &str, operator: P) -> Stream<P::Out> {
        self.process_or(name, operator, OnError::Fail)
    }

    /// [`KeyedStream::process`] with a policy for records on which it fails.
    #[track_caller]
    pub fn process_or<P>(self, name: &str, mut operator: P, on_error: OnError<T>) -> Stream<P::Out>
    where
        P: KeyedOperator<K, In = T>,
    {
        let invalid = operator_state::check(&operator.states(), &operator.operator_states());
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) };
        self.transform_keyed(spec, move |selector, _| KeyedRunner::new(operator.clone(), selector, on_error.clone()))
    }

    #[track_caller]
    pub(crate) fn rolling<R: Rolling<K, In = T>>(self, name: &str, rolling: R) -> Stream<R::Out> {
        self.transform_keyed(NodeSpec::anonymous(name), move |selector, _| {
            RollingRunner::new(rolling.clone(), selector)
        })
    }
}
