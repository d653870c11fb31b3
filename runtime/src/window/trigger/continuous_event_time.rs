//! Fires again and again as event time goes on.

use std::time::Duration;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;
use crate::window::assigner::millis;

/// Fires whenever the watermark reaches a multiple of an interval after the first record, and at the window's end.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::{ContinuousEventTimeTrigger, Tumbling};
/// # let env = Environment::new("example");
/// # let strategy = WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at));
/// let counts = env
///     .from_collection([5, 17])
///     .watermarks(strategy)
///     .key_by_owned(|_| ())
///     .window(Tumbling::of(Duration::from_millis(30)))
///     .trigger(ContinuousEventTimeTrigger::every(Duration::from_millis(20)))
///     .reduce(|a, b| a + b)
///     .collect();
/// # env.execute()?;
/// assert_eq!(counts.take(), [22, 22]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ContinuousEventTimeTrigger {
    /// In milliseconds, at least one.
    interval: i64,
}

impl ContinuousEventTimeTrigger {
    /// Fires once per `interval`, which counts as one millisecond if it is shorter.
    pub fn every(interval: Duration) -> Self {
        Self { interval: millis(interval).max(1) }
    }

    /// Has the window fire at the first multiple of the interval after `time`, or at its end if that is earlier.
    fn arm(&self, time: i64, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) {
        let end = ctx.window().max_timestamp();
        // A window without an end would go on for ever at the end of the input.
        let is_last = end == Timestamp::MAX && ctx.watermark() == end;
        let at = if is_last { end.as_millis() } else { time.saturating_add(self.interval).min(end.as_millis()) };
        *next = Some(at);
        ctx.set_event_timer(Timestamp::from_millis(at));
    }
}

impl<T> Trigger<T> for ContinuousEventTimeTrigger {
    /// When it fires next.
    type State = Option<i64>;

    fn on_element(
        &self,
        _: &T,
        time: Timestamp,
        next: &mut Option<i64>,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let end = ctx.window().max_timestamp();
        if end <= ctx.watermark() {
            return TriggerResult::Fire;
        }
        ctx.set_event_timer(end);
        if next.is_none() {
            let time = time.as_millis();
            self.arm(time.saturating_sub(time.rem_euclid(self.interval)), next, ctx);
        }
        TriggerResult::Continue
    }

    fn on_event_time(&self, at: Timestamp, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        if at == ctx.window().max_timestamp() {
            return TriggerResult::Fire;
        }
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
            ctx.set_event_timer(Timestamp::from_millis(at));
        }
    }

    fn clear(&self, next: &mut Option<i64>, ctx: &mut TriggerContext<'_>) {
        if let Some(at) = next.take() {
            ctx.delete_event_timer(Timestamp::from_millis(at));
        }
        ctx.delete_event_timer(ctx.window().max_timestamp());
    }
}
