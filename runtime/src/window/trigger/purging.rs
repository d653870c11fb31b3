//! Drops a window's contents whenever it fires.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;

/// Fires when another trigger does, and drops the window's contents then.
#[derive(Debug, Clone, Copy)]
pub struct PurgingTrigger<R> {
    inner: R,
}

impl<R> PurgingTrigger<R> {
    /// Fires when `inner` does.
    pub const fn of(inner: R) -> Self {
        Self { inner }
    }
}

fn purging(result: TriggerResult) -> TriggerResult {
    if result.fires() { TriggerResult::FireAndPurge } else { result }
}

impl<T, R: Trigger<T>> Trigger<T> for PurgingTrigger<R> {
    type State = R::State;

    fn on_element(
        &self,
        value: &T,
        time: Timestamp,
        state: &mut R::State,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.inner.on_element(value, time, state, ctx))
    }

    fn on_event_time(&self, at: Timestamp, state: &mut R::State, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        purging(self.inner.on_event_time(at, state, ctx))
    }

    fn on_processing_time(&self, at: Timestamp, state: &mut R::State, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        purging(self.inner.on_processing_time(at, state, ctx))
    }

    fn can_merge(&self) -> bool {
        self.inner.can_merge()
    }

    fn on_merge(&self, state: &mut R::State, others: Vec<R::State>, ctx: &mut TriggerContext<'_>) {
        self.inner.on_merge(state, others, ctx);
    }

    fn clear(&self, state: &mut R::State, ctx: &mut TriggerContext<'_>) {
        self.inner.clear(state, ctx);
    }
}
