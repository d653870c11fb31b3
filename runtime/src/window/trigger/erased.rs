//! Triggers whose type is not known, so that it shows up in no user's signature.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::state::{StateError, decode, encode};
use crate::time::Timestamp;

/// The state of some trigger for one key and window.
pub(crate) trait TriggerState: Send + Sync {
    fn boxed_clone(&self) -> Box<dyn TriggerState>;
    fn as_any(&mut self) -> &mut dyn Any;
    /// Whether it is as good as none.
    fn is_blank(&self) -> bool;
    fn write(&self, to: &mut Vec<u8>) -> Result<(), StateError>;
}

struct Held<S>(S);

impl Clone for Box<dyn TriggerState> {
    fn clone(&self) -> Self {
        self.as_ref().boxed_clone()
    }
}

impl<S: crate::data::Data + Default + PartialEq> TriggerState for Held<S> {
    fn boxed_clone(&self) -> Box<dyn TriggerState> {
        Box::new(Self(self.0.clone()))
    }

    fn as_any(&mut self) -> &mut dyn Any {
        &mut self.0
    }

    fn is_blank(&self) -> bool {
        self.0 == S::default()
    }

    fn write(&self, to: &mut Vec<u8>) -> Result<(), StateError> {
        encode(&self.0, to)
    }
}

/// Some trigger.
pub(crate) trait AnyTrigger<T>: Send + Sync {
    fn blank(&self) -> Box<dyn TriggerState>;
    fn read(&self, from: &mut &[u8]) -> Result<Box<dyn TriggerState>, StateError>;
    fn on_element(
        &self,
        value: &T,
        time: Timestamp,
        state: &mut dyn TriggerState,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult;
    fn on_event_time(&self, at: Timestamp, state: &mut dyn TriggerState, ctx: &mut TriggerContext<'_>)
    -> TriggerResult;
    fn on_processing_time(
        &self,
        at: Timestamp,
        state: &mut dyn TriggerState,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult;
    fn on_merge(&self, state: &mut dyn TriggerState, others: Vec<Box<dyn TriggerState>>, ctx: &mut TriggerContext<'_>);
    fn clear(&self, state: &mut dyn TriggerState, ctx: &mut TriggerContext<'_>);
}

/// Forgets a trigger's type.
pub(crate) fn erase<T: 'static, R: Trigger<T>>(trigger: R) -> Arc<dyn AnyTrigger<T>> {
    Arc::new(Erased(trigger, PhantomData::<fn(T)>))
}

struct Erased<T, R>(R, PhantomData<fn(T)>);

fn typed<S: 'static>(state: &mut dyn TriggerState) -> &mut S {
    state.as_any().downcast_mut().expect("invariant: a trigger is given the states that it made")
}

impl<T: 'static, R: Trigger<T>> AnyTrigger<T> for Erased<T, R> {
    fn blank(&self) -> Box<dyn TriggerState> {
        Box::new(Held(R::State::default()))
    }

    fn read(&self, from: &mut &[u8]) -> Result<Box<dyn TriggerState>, StateError> {
        Ok(Box::new(Held(decode::<R::State>(from, "a trigger's state")?)))
    }

    fn on_element(
        &self,
        value: &T,
        time: Timestamp,
        state: &mut dyn TriggerState,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        self.0.on_element(value, time, typed(state), ctx)
    }

    fn on_event_time(
        &self,
        at: Timestamp,
        state: &mut dyn TriggerState,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        self.0.on_event_time(at, typed(state), ctx)
    }

    fn on_processing_time(
        &self,
        at: Timestamp,
        state: &mut dyn TriggerState,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        self.0.on_processing_time(at, typed(state), ctx)
    }

    fn on_merge(&self, state: &mut dyn TriggerState, others: Vec<Box<dyn TriggerState>>, ctx: &mut TriggerContext<'_>) {
        let others = others.into_iter().map(|mut other| std::mem::take(typed::<R::State>(other.as_mut())));
        self.0.on_merge(typed(state), others.collect(), ctx);
    }

    fn clear(&self, state: &mut dyn TriggerState, ctx: &mut TriggerContext<'_>) {
        self.0.clear(typed(state), ctx);
    }
}
