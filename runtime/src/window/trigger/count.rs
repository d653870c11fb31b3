//! Fires by the number of records.

use super::{Trigger, TriggerContext, TriggerResult};
use crate::time::Timestamp;

/// Fires with every so many records of a window, and never at its end.
#[derive(Debug, Clone, Copy)]
pub struct CountTrigger {
    limit: u64,
}

impl CountTrigger {
    /// Fires with every `limit`-th record; zero counts as one.
    pub const fn of(limit: u64) -> Self {
        Self { limit }
    }
}

impl<T> Trigger<T> for CountTrigger {
    /// Records since it last fired.
    type State = u64;

    fn on_element(&self, _: &T, _: Timestamp, count: &mut u64, _: &mut TriggerContext<'_>) -> TriggerResult {
        *count += 1;
        if *count < self.limit {
            return TriggerResult::Continue;
        }
        *count = 0;
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, count: &mut u64, others: Vec<u64>, _: &mut TriggerContext<'_>) {
        *count += others.into_iter().sum::<u64>();
    }
}
