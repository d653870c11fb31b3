//! When a window fires.
//!
//! Windows fire at their end unless they are given a [`Trigger`]. A trigger decides with each record, and whenever a
//! timer that it has set is due, whether the window fires, and whether its contents are dropped. It keeps a state of its
//! own per key and window, which is part of snapshots.

mod continuous_event_time;
mod continuous_processing_time;
mod count;
mod delta;
mod erased;
mod event_time;
mod processing_time;
mod purging;
mod timeout;

pub use continuous_event_time::ContinuousEventTimeTrigger;
pub use continuous_processing_time::ContinuousProcessingTimeTrigger;
pub use count::CountTrigger;
pub use delta::DeltaTrigger;
pub(crate) use erased::{AnyTrigger, TriggerState, erase};
pub use event_time::EventTimeTrigger;
pub use processing_time::ProcessingTimeTrigger;
pub use purging::PurgingTrigger;
pub use timeout::ProcessingTimeoutTrigger;

use smallvec::SmallVec;

use super::TimeWindow;
use super::due::DueQueues;
use crate::data::Data;
use crate::operator::TaskContext;
use crate::state::RowId;
use crate::time::Timestamp;

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerResult {
    /// Nothing happens.
    Continue,
    /// Its result is emitted; its contents stay.
    Fire,
    /// Its contents are dropped.
    Purge,
    /// Its result is emitted, then its contents are dropped.
    FireAndPurge,
}

impl TriggerResult {
    /// Whether the result is emitted.
    pub const fn fires(self) -> bool {
        matches!(self, Self::Fire | Self::FireAndPurge)
    }

    /// Whether the contents are dropped.
    pub const fn purges(self) -> bool {
        matches!(self, Self::Purge | Self::FireAndPurge)
    }
}

/// Decides when the windows over records of type `T` fire.
///
/// Contract: what a trigger remembers of a window is in its state, not in itself. When a window is over (its end and
/// the allowed lateness have passed), its state and its timers are dropped without a call but [`Trigger::clear`].
///
/// Windows that merge, as sessions do, take only a trigger that can be merged: one that overrides
/// [`Trigger::can_merge`] and [`Trigger::on_merge`].
///
/// ```
/// use millstream::prelude::*;
/// use millstream::window::{Trigger, TriggerContext, TriggerResult};
///
/// /// Fires with every record above a limit.
/// struct Above(u64);
///
/// impl Trigger<u64> for Above {
///     type State = ();
///     fn on_element(&self, value: &u64, _: Timestamp, _: &mut (), _: &mut TriggerContext<'_>) -> TriggerResult {
///         if *value > self.0 { TriggerResult::Fire } else { TriggerResult::Continue }
///     }
/// }
/// ```
pub trait Trigger<T>: Send + Sync + 'static {
    /// What it remembers of one key and window. A state that equals the default is as good as none.
    type State: Data + Default + PartialEq;

    /// Called for each record of the window, which holds the record when it fires. `time` is the record's event time,
    /// [`Timestamp::MIN`] if it has none.
    fn on_element(
        &self,
        value: &T,
        time: Timestamp,
        state: &mut Self::State,
        ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult;

    /// Called when the watermark has reached a timer.
    fn on_event_time(&self, _at: Timestamp, _state: &mut Self::State, _ctx: &mut TriggerContext<'_>) -> TriggerResult {
        TriggerResult::Continue
    }

    /// Called when processing time has reached a timer.
    fn on_processing_time(
        &self,
        _at: Timestamp,
        _state: &mut Self::State,
        _ctx: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::Continue
    }

    /// Whether windows with this trigger can become one. If not, which is the default, sessions refuse it.
    fn can_merge(&self) -> bool {
        false
    }

    /// Called when a session has grown to [`TriggerContext::window`], taking in windows with the states `others`, if
    /// any. The timers of all of them are gone; those that are still needed are to be set again.
    fn on_merge(&self, _state: &mut Self::State, _others: Vec<Self::State>, _ctx: &mut TriggerContext<'_>) {}

    /// Called when the window is over, and by triggers around this one that begin anew: deletes the timers it has set. The
    /// state is dropped afterwards.
    fn clear(&self, _state: &mut Self::State, _ctx: &mut TriggerContext<'_>) {}
}

/// The timers that the trigger of one window has set.
#[derive(Debug, Clone, Default)]
pub(crate) struct TriggerTimers {
    pub(crate) event: SmallVec<[i64; 1]>,
    pub(crate) processing: SmallVec<[i64; 1]>,
}

impl TriggerTimers {
    pub(crate) fn is_empty(&self) -> bool {
        self.event.is_empty() && self.processing.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.event.clear();
        self.processing.clear();
    }
}

/// What a trigger can ask and do.
pub struct TriggerContext<'a> {
    pub(crate) window: TimeWindow,
    pub(crate) watermark: i64,
    pub(crate) row: RowId,
    pub(crate) timers: &'a mut TriggerTimers,
    pub(crate) queues: &'a mut DueQueues,
    pub(crate) task: &'a TaskContext,
}

impl TriggerContext<'_> {
    /// The window.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// How far event time has come.
    pub fn watermark(&self) -> Timestamp {
        Timestamp::from_millis(self.watermark)
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.task.clock.now()
    }

    /// Has [`Trigger::on_event_time`] called once the watermark has reached `at`.
    pub fn set_event_timer(&mut self, at: Timestamp) {
        let at = at.as_millis();
        if !self.timers.event.contains(&at) {
            self.timers.event.push(at);
            self.queues.event.push(at, self.row);
        }
    }

    /// Takes back [`TriggerContext::set_event_timer`].
    pub fn delete_event_timer(&mut self, at: Timestamp) {
        self.timers.event.retain(|other| *other != at.as_millis());
    }

    /// Has [`Trigger::on_processing_time`] called once processing time has reached `at`.
    pub fn set_processing_timer(&mut self, at: Timestamp) {
        let millis = at.as_millis();
        if !self.timers.processing.contains(&millis) {
            self.timers.processing.push(millis);
            self.queues.processing.push(millis, self.row);
            self.task.wake_at(at);
        }
    }

    /// Takes back [`TriggerContext::set_processing_timer`].
    pub fn delete_processing_timer(&mut self, at: Timestamp) {
        self.timers.processing.retain(|other| *other != at.as_millis());
    }
}
