//! Fires at the window's end in event time.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;

/// Fires when the watermark reaches the window's end, and again for each record that comes after that. What windows in
/// event time do if they are given no trigger.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventTimeTrigger;

impl<T> Trigger<T> for EventTimeTrigger {
    type State = ();

    fn on_element(&self, _: &T, _: Timestamp, _: &mut (), ctx: &mut TriggerContext<'_>) -> TriggerResult {
        let at = ctx.window().max_timestamp();
        if at <= ctx.watermark() {
            return TriggerResult::Fire;
        }
        ctx.set_event_timer(at);
        TriggerResult::Continue
    }

    fn on_event_time(&self, at: Timestamp, _: &mut (), ctx: &mut TriggerContext<'_>) -> TriggerResult {
        if at == ctx.window().max_timestamp() { TriggerResult::Fire } else { TriggerResult::Continue }
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, _: &mut (), _: Vec<()>, ctx: &mut TriggerContext<'_>) {
        // A window that has ended already fires with the record that made it grow.
        let at = ctx.window().max_timestamp();
        if at > ctx.watermark() {
            ctx.set_event_timer(at);
        }
    }

    fn clear(&self, _: &mut (), ctx: &mut TriggerContext<'_>) {
        ctx.delete_event_timer(ctx.window().max_timestamp());
    }
}
