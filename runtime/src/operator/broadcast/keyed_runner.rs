//! Runs a [`KeyedBroadcastOperator`]: its first input as any keyed operator's, and what it is told.

use std::marker::PhantomData;
use std::sync::Arc;

use super::states::{misnamed, named};
use super::{BroadcastContext, KeyedBroadcastOperator};
use crate::channel::Batch;
use crate::data::Key;
use crate::error::{Cause, Result, TaskError};
use crate::operator::keyed::{KeySelector, KeyedRunner};
use crate::operator::{Collector, Context, KeyedContext, KeyedOperator, Output, Progress, Stop, TwoInputOperator};
use crate::state::{OperatorStates, StateSpec, operator_state};
use crate::time::Timestamp;

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
        loop {
            self.resume_second(out)?;
            let core = self.core_mut();
            match core.operator.tell(input, out)? {
                Told::All => return Ok(()),
                Told::Full => out.flush()?,
                Told::Visit(time) => core.begin_visit(time, out)?,
            }
        }
    }

    fn resume_second(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.core_mut().go_on_visiting(out, |KeyedBroadcast { operator, shared, .. }, state, ctx, collector| {
            operator.visit_key((shared, state), ctx, collector)
        })
    }
}

/// Why telling has stopped.
enum Told {
    /// There are no more records.
    All,
    /// The output is full.
    Full,
    /// A record of this event time has asked for a visit of all keys.
    Visit(Timestamp),
}

impl<K: Key, P: KeyedBroadcastOperator<K>> KeyedBroadcast<K, P> {
    /// Hands records of the broadcast to the operator.
    fn tell(&mut self, input: &mut Batch<P::Broadcast>, out: &mut Output<P::Out>) -> Result<Told, Stop> {
        out.collector.set_origin(input.origin());
        let mut records = input.consume();
        while !out.is_full() {
            let Some(value) = records.next_value() else { return Ok(Told::All) };
            let time = records.time();
            out.collector.at_record(time, records.position());
            let base = Context {
                task: &out.task,
                metrics: &out.metrics,
                sides: &mut out.sides,
                time,
                watermark: out.watermark,
            };
            let mut ctx = BroadcastContext { base, visits_keys: false };
            self.operator
                .process_broadcast(value, &mut self.shared, &mut ctx, &mut out.collector)
                .map_err(|error| Stop::from(TaskError::at(records.site(), Cause::User(error))))?;
            if ctx.visits_keys {
                return Ok(Told::Visit(time));
            }
        }
        Ok(Told::Full)
    }
}
