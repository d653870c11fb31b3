//! Fires at the window's end in processing time.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;

/// Fires when the clock has left the window. What windows in processing time do if they are given no trigger.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessingTimeTrigger;

impl<T> Trigger<T> for ProcessingTimeTrigger {
    type State = ();

    fn on_element(&self, _: &T, _: Timestamp, _: &mut (), ctx: &mut TriggerContext<'_>) -> TriggerResult {
        ctx.set_processing_timer(ctx.window().end());
        TriggerResult::Continue
    }

    fn on_processing_time(&self, _: Timestamp, _: &mut (), _: &mut TriggerContext<'_>) -> TriggerResult {
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, _: &mut (), _: Vec<()>, ctx: &mut TriggerContext<'_>) {
        ctx.set_processing_timer(ctx.window().end());
    }

    fn clear(&self, _: &mut (), ctx: &mut TriggerContext<'_>) {
        ctx.delete_processing_timer(ctx.window().end());
    }
}
