//! Broadcasts to an operator on a keyed stream.

use std::convert::identity;
use std::marker::PhantomData;
use std::sync::Arc;

use super::BroadcastStates;
use super::states::{misnamed, named};
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::keyed::{KeySelector, KeyedRunner};
use crate::operator::process::{OnError, each_record};
use crate::operator::{Collector, Context, KeyedContext, KeyedOperator, Output, Progress, TwoInputOperator};
use crate::state::{OperatorStates, StateRow, StateSpec, operator_state};
use crate::time::Timestamp;

/// An operator on a stream keyed by `K` whose subtasks all see a second stream, which has no keys: what
/// `#[derive(KeyedOperator)]` with `#[operator(broadcast)]` implements.
///
/// The states of a key are handed in with each record and timer, as in a [`KeyedOperator`]. A record of the broadcast has
/// no key and so can change no state of keys. What it says of them is for their next record or timer to look up in
/// `shared`; to see what has changed since, keep a version there and in a state of the key.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Keys that have been seen more often than a limit, which may change.
/// #[derive(Clone)]
/// struct Frequent;
///
/// impl<K: Key> KeyedBroadcastOperator<K> for Frequent {
///     type In = K;
///     type Broadcast = u64;
///     type Shared = BroadcastState<(), u64>;
///     type Out = K;
///     type State = (Value<u64>,);
///
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("seen")]
///     }
///
///     fn new_state(&self) -> Self::State {
///         Default::default()
///     }
///
///     fn process(
///         &mut self,
///         key: K,
///         (limit, (seen,)): (&Self::Shared, &mut Self::State),
///         _ctx: &mut KeyedContext<'_, K>,
///         out: &mut Collector<K>,
///     ) -> Result<()> {
///         *seen.get_or_default() += 1;
///         out.extend((limit.get(&()) < seen.get()).then_some(key));
///         Ok(())
///     }
///
///     fn process_broadcast(
///         &mut self,
///         limit: u64,
///         shared: &mut Self::Shared,
///         _ctx: &mut Context<'_>,
///         _out: &mut Collector<K>,
///     ) -> Result<()> {
///         shared.insert((), limit);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operator on a stream keyed by `{K}` with a broadcast",
    label = "this operator does not fit these streams"
)]
pub trait KeyedBroadcastOperator<K: Key>: Clone + Send + Sync + 'static {
    /// The records of the keyed stream.
    type In: Data;
    /// The records that every subtask sees.
    type Broadcast: Data;
    /// What the latter leave behind: a [`BroadcastState`](crate::state::BroadcastState), or a tuple of them.
    type Shared: BroadcastStates;
    /// What goes out.
    type Out: Data;
    /// The states of one key.
    type State: StateRow;

    /// The names and lifetimes of the states of a key, in the order in which they stand in the row.
    fn states(&self) -> Vec<StateSpec>;

    /// The row of a key of which nothing is known.
    fn new_state(&self) -> Self::State;

    /// The names of the broadcast states, as for [`BroadcastProcess`](super::BroadcastProcess::shared_states).
    fn shared_states(&self) -> Vec<StateSpec> {
        Self::Shared::specs()
    }

    /// What a subtask remembers by itself, as for [`Process`](crate::operator::Process::operator_states).
    fn operator_states(&mut self) -> OperatorStates<'_> {
        Vec::new()
    }

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record of the keyed stream, with what is shared and the states of the key.
    fn process(
        &mut self,
        value: Self::In,
        states: (&Self::Shared, &mut Self::State),
        ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called in every subtask for each record of the broadcast, as
    /// [`BroadcastProcess::process_broadcast`](super::BroadcastProcess::process_broadcast).
    fn process_broadcast(
        &mut self,
        value: Self::Broadcast,
        shared: &mut Self::Shared,
        ctx: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that is due, in order of time. Results have the time of a timer in event time, and no event
    /// time after one in processing time.
    fn on_timer(
        &mut self,
        _at: Timestamp,
        _states: (&Self::Shared, &mut Self::State),
        _ctx: &mut KeyedContext<'_, K>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        Ok(())
    }

    /// Called once in each subtask after the last record and timer; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What a struct with `#[derive(KeyedOperator)]` and `#[operator(broadcast)]` does.
///
/// While `process` and `on_timer` run, the fields marked `#[state]` are the states of the record's or timer's key; in
/// the other functions they are empty, since those have no key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does with a record and with a broadcast",
    label = "`KeyedBroadcastProcess` is not implemented for this type",
    note = "add `impl KeyedBroadcastProcess for {Self} {{ type Key = ..; type In = ..; type Broadcast = ..; type Shared = ..; type Out = ..; .. }}`, or leave `broadcast` out"
)]
pub trait KeyedBroadcastProcess: Sized {
    /// What the stream is keyed by.
    type Key: Key;
    /// The records of the keyed stream.
    type In: Data;
    /// The records that every subtask sees.
    type Broadcast: Data;
    /// What the latter leave behind: a [`BroadcastState`](crate::state::BroadcastState), or a tuple of them.
    type Shared: BroadcastStates;
    /// What goes out.
    type Out: Data;

    /// The names of the broadcast states, as for [`BroadcastProcess`](super::BroadcastProcess::shared_states).
    fn shared_states(&self) -> Vec<StateSpec> {
        Self::Shared::specs()
    }

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record of the keyed stream.
    fn process(
        &mut self,
        value: Self::In,
        shared: &Self::Shared,
        ctx: &mut KeyedContext<'_, Self::Key>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called in every subtask for each record of the broadcast, as
    /// [`BroadcastProcess::process_broadcast`](super::BroadcastProcess::process_broadcast).
    fn process_broadcast(
        &mut self,
        value: Self::Broadcast,
        shared: &mut Self::Shared,
        ctx: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that is due, in order of time. Results have the time of a timer in event time, and no event
    /// time after one in processing time.
    fn on_timer(
        &mut self,
        _at: Timestamp,
        _shared: &Self::Shared,
        _ctx: &mut KeyedContext<'_, Self::Key>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        Ok(())
    }

    /// Called once in each subtask after the last record and timer; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// A [`KeyedBroadcastOperator`] with what its subtask has been told: the [`KeyedOperator`] of its first input.
pub(crate) struct KeyedBroadcast<K: Key, P: KeyedBroadcastOperator<K>> {
    operator: P,
    shared: P::Shared,
    _key: PhantomData<fn() -> K>,
}

impl<K: Key, P: KeyedBroadcastOperator<K>> KeyedBroadcast<K, P> {
    pub(crate) fn new(operator: P) -> Self {
        Self { operator, shared: P::Shared::default(), _key: PhantomData }
    }

    /// What is wrong with its states, if anything.
    pub(crate) fn invalid(&mut self) -> Option<String> {
        let keyed = self.operator.states();
        misnamed::<P::Shared>(&self.operator.shared_states())
            .or_else(|| operator_state::check(&keyed, &self.operator_states()))
    }
}

impl<K: Key, P: KeyedBroadcastOperator<K>> Clone for KeyedBroadcast<K, P> {
    fn clone(&self) -> Self {
        Self { operator: self.operator.clone(), shared: self.shared.clone(), _key: PhantomData }
    }
}

impl<K: Key, P: KeyedBroadcastOperator<K>> KeyedOperator<K> for KeyedBroadcast<K, P> {
    type In = P::In;
    type Out = P::Out;
    type State = P::State;

    fn states(&self) -> Vec<StateSpec> {
        self.operator.states()
    }

    fn new_state(&self) -> P::State {
        self.operator.new_state()
    }

    fn operator_states(&mut self) -> OperatorStates<'_> {
        let shared = self.operator.shared_states();
        let mut states = self.operator.operator_states();
        states.extend(named(shared, &mut self.shared));
        states
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.operator.open(ctx)
    }

    #[inline]
    fn process(
        &mut self,
        value: P::In,
        state: &mut P::State,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<P::Out>,
    ) -> Result<()> {
        self.operator.process(value, (&self.shared, state), ctx, out)
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        state: &mut P::State,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<P::Out>,
    ) -> Result<()> {
        self.operator.on_timer(at, (&self.shared, state), ctx, out)
    }

    fn close(&mut self, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<()> {
        self.operator.close(ctx, out)
    }
}

impl<K, P> TwoInputOperator for KeyedRunner<K, KeyedBroadcast<K, P>, Arc<dyn KeySelector<P::In, K>>>
where
    K: Key,
    P: KeyedBroadcastOperator<K>,
{
    type Second = P::Broadcast;

    fn process_second(&mut self, input: &mut Batch<P::Broadcast>, out: &mut Output<P::Out>) -> Progress {
        let KeyedBroadcast { operator, shared, .. } = self.operator_mut();
        each_record(input, out, (&OnError::Fail, identity), |value, ctx, collector| {
            operator.process_broadcast(value, shared, ctx, collector)
        })
    }
}
