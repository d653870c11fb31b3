//! Broadcasts to an operator on an unkeyed stream.

use std::convert::identity;

use super::BroadcastStates;
use super::states::{misnamed, named};
use crate::channel::Batch;
use crate::data::Data;
use crate::error::Result;
use crate::operator::process::{OnError, One, Process, ProcessOperator, each_record};
use crate::operator::{Collector, Context, Output, Progress, TwoInputOperator};
use crate::state::{OperatorStates, StateSpec, operator_state};

/// An operator on an unkeyed stream whose subtasks all see a second stream. Each subtask works on a clone of its own.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Amounts in the currency of the house, by the rates of the day.
/// #[derive(Clone)]
/// struct Convert;
///
/// impl BroadcastProcess for Convert {
///     type In = (String, f64);
///     type Broadcast = (String, f64);
///     type Shared = BroadcastState<String, f64>;
///     type Out = f64;
///
///     fn process(
///         &mut self,
///         (currency, amount): (String, f64),
///         rates: &Self::Shared,
///         _ctx: &mut Context<'_>,
///         out: &mut Collector<f64>,
///     ) -> Result<()> {
///         out.extend(rates.get(&currency).map(|rate| amount * rate));
///         Ok(())
///     }
///
///     fn process_broadcast(
///         &mut self,
///         (currency, rate): (String, f64),
///         rates: &mut Self::Shared,
///         _ctx: &mut Context<'_>,
///         _out: &mut Collector<f64>,
///     ) -> Result<()> {
///         rates.insert(currency, rate);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operator on a stream with a broadcast",
    label = "this operator does not fit these streams",
    note = "add `impl BroadcastProcess for {Self} {{ type In = ..; type Broadcast = ..; type Shared = ..; type Out = ..; .. }}`"
)]
pub trait BroadcastProcess: Clone + Send + Sync + 'static {
    /// The records, each of which one subtask sees.
    type In: Data;
    /// The records that every subtask sees.
    type Broadcast: Data;
    /// What the latter leave behind: a [`BroadcastState`](crate::state::BroadcastState), or a tuple of them.
    type Shared: BroadcastStates;
    /// What goes out.
    type Out: Data;

    /// The names of the broadcast states in snapshots, in order. The first is called `broadcast`, the others `broadcast-2`
    /// and so on, unless given.
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

    /// Called for each record.
    fn process(
        &mut self,
        value: Self::In,
        shared: &Self::Shared,
        ctx: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called in every subtask for each record of the broadcast. All subtasks must do the same to `shared`, in whatever
    /// order the records come. If it fails, the job does, whatever the policy for errors.
    fn process_broadcast(
        &mut self,
        value: Self::Broadcast,
        shared: &mut Self::Shared,
        ctx: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called once in each subtask after the last record; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// A [`BroadcastProcess`] with what its subtask has been told: the [`Process`] of its first input.
#[derive(Clone)]
pub(crate) struct Broadcasting<P: BroadcastProcess> {
    process: P,
    shared: P::Shared,
}

impl<P: BroadcastProcess> Broadcasting<P> {
    pub(crate) fn new(process: P) -> Self {
        Self { process, shared: P::Shared::default() }
    }

    /// What is wrong with its states, if anything.
    pub(crate) fn invalid(&mut self) -> Option<String> {
        misnamed::<P::Shared>(&self.process.shared_states())
            .or_else(|| operator_state::check(&[], &self.operator_states()))
    }
}

impl<P: BroadcastProcess> Process for Broadcasting<P> {
    type In = P::In;
    type Out = P::Out;

    fn operator_states(&mut self) -> OperatorStates<'_> {
        let shared = self.process.shared_states();
        let mut states = self.process.operator_states();
        states.extend(named(shared, &mut self.shared));
        states
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.process.open(ctx)
    }

    #[inline]
    fn process(&mut self, value: P::In, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<()> {
        self.process.process(value, &self.shared, ctx, out)
    }

    fn close(&mut self, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<()> {
        self.process.close(ctx, out)
    }
}

impl<P: BroadcastProcess> TwoInputOperator for ProcessOperator<Broadcasting<P>, One> {
    type Second = P::Broadcast;

    fn process_second(&mut self, input: &mut Batch<P::Broadcast>, out: &mut Output<P::Out>) -> Progress {
        let Broadcasting { process, shared } = &mut self.process;
        each_record(input, out, (&OnError::Fail, identity), |value, ctx, collector| {
            process.process_broadcast(value, shared, ctx, collector)
        })
    }
}
