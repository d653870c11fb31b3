//! Fires again and again as the clock goes on.

use std::time::Duration;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;
use crate::window::assigner::millis;

/// Fires whenever the clock reaches a multiple of an interval after the first record, and when it leaves the window.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::testing::Harness;
/// # use millstream::window::{ContinuousProcessingTimeTrigger, Global};
/// let mut harness = Harness::new(|numbers: Stream<u64>| {
///     let windows = numbers.key_by_owned(|_| ()).window(Global);
///     windows.trigger(ContinuousProcessingTimeTrigger::every(Duration::from_secs(1))).reduce(|a, b| a + b)
/// });
/// harness.push(2);
/// harness.push(3);
/// harness.advance_processing_time(Timestamp::from_millis(1000));
/// assert_eq!(harness.output(), [5]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ContinuousProcessingTimeTrigger {
    /// In milliseconds, at least one.
    interval: i64,
}

impl ContinuousProcessingTimeTrigger {
    /// Fires once per `interval`, which counts as one millisecond if it is shorter.
    pub fn every(interval: Duration) -> Self {
        Self { interval: millis(interval).max(1) }
    }

    /// Has the window fire at the first multiple of the interval after `time`, or at its end if that lies before.
    fn arm(&self, time: i64, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) {
        let (at, end) = (time.saturating_add(self.interval), ctx.window().end().as_millis());
        // The end of a window in event time may have passed by the clock; it then has no part in this.
        let at = if end > ctx.processing_time().as_millis() { at.min(end) } else { at };
        *next = Some(at);
        ctx.set_processing_timer(Timestamp::from_millis(at));
    }
}

impl<T> Trigger<T> for ContinuousProcessingTimeTrigger {
    /// When it fires next.
    type State = Option<i64>;

    fn on_element(&self, _: &T, _: Timestamp, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        if next.is_none() {
            let now = ctx.processing_time().as_millis();
            self.arm(now - now.rem_euclid(self.interval), next, ctx);
        }
        TriggerResult::Continue
    }

    fn on_processing_time(&self, at: Timestamp, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        if *next != Some(at.as_millis()) {
            return TriggerResult::Continue;
        }
        self.arm(at.as_millis(), next, ctx);
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, next: &mut Option<i64>, others: Vec<Option<i64>>, ctx: &mut TriggerContext<'_>) {
        *next = others.into_iter().chain([*next]).flatten().min();
        if let Some(at) = *next {
            ctx.set_processing_timer(Timestamp::from_millis(at));
        }
    }

    fn clear(&self, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) {
        if let Some(at) = next.take() {
            ctx.delete_processing_timer(Timestamp::from_millis(at));
        }
    }
}
