//! Broadcasts to an operator on a keyed stream.

use super::{BroadcastContext, BroadcastStates};
use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, Context, KeyedContext};
use crate::state::{OperatorStates, StateRow, StateSpec};
use crate::time::Timestamp;

/// An operator on a stream keyed by `K` whose subtasks all see a second stream, which has no keys: what
/// `#[derive(KeyedOperator)]` with `#[operator(broadcast)]` implements.
///
/// The states of a key are handed in with each record and timer, as in a
/// [`KeyedOperator`](crate::operator::KeyedOperator). A record of the broadcast has no key, but may have all keys visited
/// ([`BroadcastContext::visit_keys`]).
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
///         _ctx: &mut BroadcastContext<'_>,
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
        ctx: &mut BroadcastContext<'_>,
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

    /// Called for each key that has states if [`BroadcastContext::visit_keys`] has asked for it, in no particular order.
    /// Results have the event time of the record that has asked.
    fn visit_key(
        &mut self,
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
