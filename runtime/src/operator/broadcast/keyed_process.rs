//! Keyed operators with a broadcast whose states are fields.

use super::{BroadcastContext, BroadcastStates};
use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, Context, KeyedContext};
use crate::state::StateSpec;
use crate::time::Timestamp;

/// What a struct with `#[derive(KeyedOperator)]` and `#[operator(broadcast)]` does.
///
/// While `process`, `on_timer` and `visit_key` run, the fields marked `#[state]` are the states of the key in question; in the
/// other functions they are empty, since those have no key.
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
        ctx: &mut BroadcastContext<'_>,
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

    /// Called for each key that has states if [`BroadcastContext::visit_keys`] has asked for it, in no particular order.
    /// Results have the event time of the record that has asked.
    fn visit_key(
        &mut self,
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
