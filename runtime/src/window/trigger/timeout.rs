//! Has a window fire after some time at the latest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;

/// Fires when another trigger does, and, by the clock, so long after the first record since.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::testing::Harness;
/// # use millstream::window::{CountTrigger, Global, ProcessingTimeoutTrigger, PurgingTrigger};
/// // Batches of 100, or of what has come within a second.
/// let mut harness = Harness::new(|numbers: Stream<u64>| {
///     let trigger = ProcessingTimeoutTrigger::of(CountTrigger::of(100), Duration::from_secs(1));
///     let windows = numbers.key_by_owned(|_| ()).window(Global).trigger(PurgingTrigger::of(trigger));
///     windows.process(|_, _, numbers, out| out.emit(numbers))
/// });
/// harness.push(7);
/// harness.advance_processing_time(Timestamp::from_millis(1000));
/// assert_eq!(harness.output(), [[7]]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProcessingTimeoutTrigger<R> {
    inner: R,
    timeout: Duration,
    reset_on_record: bool,
    clear_on_timeout: bool,
}

impl<R> ProcessingTimeoutTrigger<R> {
    /// Fires when `inner` does, and `timeout` after the first record since it last did.
    pub const fn of(inner: R, timeout: Duration) -> Self {
        Self { inner, timeout, reset_on_record: false, clear_on_timeout: true }
    }

    /// Has each record begin the time anew, so that the window fires when none has come for so long.
    #[must_use]
    pub const fn reset_on_record(mut self) -> Self {
        self.reset_on_record = true;
        self
    }

    /// Leaves what the other trigger remembers as it is when the time is over, instead of having it begin anew. The time
    /// itself begins anew with the next record.
    #[must_use]
    pub const fn keep_on_timeout(mut self) -> Self {
        self.clear_on_timeout = false;
        self
    }

    /// Has both begin anew.
    fn restart<T>(&self, state: &mut Timeout<R::State>, ctx: &mut TriggerContext<'_>)
    where
        R: Trigger<T>,
    {
        if let Some(at) = state.at.take() {
            ctx.delete_processing_timer(at);
        }
        self.inner.clear(&mut state.inner, ctx);
        state.inner = R::State::default();
    }
}

/// What a [`ProcessingTimeoutTrigger`] remembers of a window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeout<S> {
    /// When the time is over.
    at: Option<Timestamp>,
    inner: S,
}

impl<T, R: Trigger<T>> Trigger<T> for ProcessingTimeoutTrigger<R> {
    type State = Timeout<R::State>;

    fn on_element(
        &self,
        value: &T,
        time: Timestamp,
        state: &mut Timeout<R::State>,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let result = self.inner.on_element(value, time, &mut state.inner, ctx);
        if result.fires() {
            self.restart(state, ctx);
            return result;
        }
        if self.reset_on_record
            && let Some(at) = state.at.take()
        {
            ctx.delete_processing_timer(at);
        }
        if state.at.is_none() {
            let at = ctx.processing_time().saturating_add(self.timeout);
            state.at = Some(at);
            ctx.set_processing_timer(at);
        }
        result
    }

    fn on_event_time(
        &self,
        at: Timestamp,
        state: &mut Timeout<R::State>,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let result = self.inner.on_event_time(at, &mut state.inner, ctx);
        if result.fires() {
            self.restart(state, ctx);
        }
        result
    }

    fn on_processing_time(
        &self,
        at: Timestamp,
        state: &mut Timeout<R::State>,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let result = self.inner.on_processing_time(at, &mut state.inner, ctx);
        if state.at != Some(at) {
            if result.fires() {
                self.restart(state, ctx);
            }
            return result;
        }
        state.at = None;
        if self.clear_on_timeout {
            self.restart(state, ctx);
        }
        if result.purges() { TriggerResult::FireAndPurge } else { TriggerResult::Fire }
    }

    fn clear(&self, state: &mut Timeout<R::State>, ctx: &mut TriggerContext<'_>) {
        self.restart(state, ctx);
    }
}
