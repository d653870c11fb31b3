//! Two streams with the same keys as the inputs of one operator.

use std::sync::Arc;

use super::stream::NodeSpec;
use super::{ConnectedStreams, KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::graph::{Downstream, NodeContext};
use crate::operator::keyed::{KeySelectors, KeyedRunner};
use crate::operator::process::OnError;
use crate::operator::{Either, KeyedOperator, Link, TwoInputOperator};
use crate::state::operator_state;

/// Two streams that are grouped by keys of one type, as the inputs of one operator: the records of a key, of either stream,
/// meet in one subtask and share the states and timers of the key.
///
/// A [`KeyedOperator`] that takes [`Either`] sees the records of both.
pub struct KeyedConnectedStreams<K, L, R> {
    streams: ConnectedStreams<L, R>,
    selectors: KeySelectors<K, L, R>,
}

impl<K, L, R> Clone for KeyedConnectedStreams<K, L, R> {
    fn clone(&self) -> Self {
        Self { streams: self.streams.clone(), selectors: self.selectors.clone() }
    }
}

impl<K: Key, L: Data, R: Data> KeyedConnectedStreams<K, L, R> {
    pub(super) fn new(left: KeyedStream<K, L>, right: KeyedStream<K, R>) -> Self {
        let selectors = KeySelectors { left: Arc::clone(&left.selector), right: Arc::clone(&right.selector) };
        Self { streams: ConnectedStreams::new(left.stream, right.stream), selectors }
    }

    /// Adds an operator that finds the keys of both inputs by the selectors it is given.
    pub(crate) fn transform_keyed<O>(
        self,
        spec: NodeSpec,
        make: impl Fn(KeySelectors<K, L, R>, &NodeContext) -> O + Send + Sync + 'static,
    ) -> Stream<O::Out>
    where
        O: TwoInputOperator<In = L, Second = R>,
    {
        let Self { streams, selectors } = self;
        streams.transform(spec.stateful(), move |ctx| make(selectors.clone(), ctx))
    }

    /// [`KeyedConnectedStreams::transform_keyed`] for an operator that is made together with its output, which ends in
    /// records of type `U`.
    pub(crate) fn transform_keyed_with<O, U>(
        self,
        spec: NodeSpec,
        make: impl Fn(KeySelectors<K, L, R>, &NodeContext, Downstream) -> Link<O> + Send + Sync + 'static,
    ) -> Stream<U>
    where
        O: TwoInputOperator<In = L, Second = R>,
        U: Data,
    {
        let Self { streams, selectors } = self;
        streams.transform_with(spec.stateful(), move |ctx, downstream| make(selectors.clone(), ctx, downstream))
    }

    /// Applies a [`KeyedOperator`] that takes the records of both streams.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// Which orders have been paid: numbers of orders on the left, of payments on the right.
    /// #[derive(Clone)]
    /// struct Paid;
    ///
    /// impl KeyedOperator<u64> for Paid {
    ///     type In = Either<u64, u64>;
    ///     type Out = u64;
    ///     type State = (Value<()>, Value<()>);
    ///     fn states(&self) -> Vec<StateSpec> {
    ///         vec![StateSpec::new("ordered"), StateSpec::new("paid")]
    ///     }
    ///     fn new_state(&self) -> Self::State {
    ///         Default::default()
    ///     }
    ///     fn process(
    ///         &mut self,
    ///         of: Either<u64, u64>,
    ///         (ordered, paid): &mut Self::State,
    ///         ctx: &mut KeyedContext<'_, u64>,
    ///         out: &mut Collector<u64>,
    ///     ) -> Result<()> {
    ///         if of.is_left() { ordered.set(()) } else { paid.set(()) }
    ///         if ordered.get().is_some() && paid.get().is_some() {
    ///             out.emit(*ctx.key());
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let [orders, payments] = [[1, 2], [4, 2]].map(|numbers| env.from_collection(numbers).key_by(|n| n));
    /// let out = orders.connect(payments).process("paid", Paid).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [2]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<P: KeyedOperator<K, In = Either<L, R>>>(self, name: &str, operator: P) -> Stream<P::Out> {
        self.process_or(name, operator, OnError::Fail)
    }

    /// [`KeyedConnectedStreams::process`] with a policy for records on which it fails.
    #[track_caller]
    pub fn process_or<P>(self, name: &str, mut operator: P, on_error: OnError<Either<L, R>>) -> Stream<P::Out>
    where
        P: KeyedOperator<K, In = Either<L, R>>,
    {
        let invalid = operator_state::check(&operator.states(), &operator.operator_states());
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) };
        self.transform_keyed(spec, move |selectors, _| KeyedRunner::new(operator.clone(), selectors, on_error.clone()))
    }
}
