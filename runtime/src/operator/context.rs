//! What a user's function can ask and do beside emitting results.

use serde::{Deserialize, Serialize};

use super::{OutputTag, SideOutputs, TaskContext};
use crate::data::Data;
use crate::observe::{MetricGroup, OperatorMetrics};
use crate::state::timers::Timers;
use crate::time::Timestamp;

/// What a function can ask of the record it is given and of the subtask it runs in.
pub struct Context<'a> {
    pub(crate) task: &'a TaskContext,
    pub(crate) metrics: &'a OperatorMetrics,
    pub(crate) sides: &'a mut SideOutputs,
    pub(crate) time: Timestamp,
    pub(crate) watermark: Timestamp,
}

impl Context<'_> {
    /// The event time of the record or timer, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.is_set().then_some(self.time)
    }

    /// How far event time has come here; [`Timestamp::MIN`] before the first watermark.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.task.clock.now()
    }

    /// Emits a record to a side output, at the event time of the record being processed. Answers whether anybody
    /// reads that output; if not, the record is dropped.
    pub fn output<T: Data>(&mut self, tag: OutputTag<T>, value: T) -> bool {
        self.sides.emit(tag, value, self.time)
    }

    /// Which subtask this is, from 0.
    pub fn subtask_index(&self) -> usize {
        self.task.info.subtask
    }

    /// How many subtasks this operator has.
    pub fn parallelism(&self) -> usize {
        self.task.info.parallelism
    }

    /// How often the job has been restarted.
    pub fn attempt(&self) -> u32 {
        self.task.info.attempt
    }

    /// The job's name.
    pub fn job_name(&self) -> &str {
        &self.task.info.job
    }

    /// Metrics of the user's own, labelled with job, operator and subtask.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// #[operator]
    /// fn check(reading: i64, ctx: &mut Context<'_>) -> i64 {
    ///     ctx.metrics().counter("belowZero").add(u64::from(reading < 0));
    ///     reading
    /// }
    /// # let _ = check();
    /// ```
    pub fn metrics(&self) -> &MetricGroup {
        &self.metrics.user
    }
}

/// By which time a timer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeDomain {
    /// By the watermark.
    EventTime,
    /// By the clock.
    ProcessingTime,
}

/// A [`Context`] for a keyed stream: it also knows the key and its timers.
pub struct KeyedContext<'a, K> {
    pub(crate) base: Context<'a>,
    /// The kind of the timer that fires, if one does.
    pub(crate) firing: Option<TimeDomain>,
    pub(crate) key: &'a K,
    pub(crate) hash: u64,
    pub(crate) timers: &'a mut Timers<K>,
}

impl<'a, K> std::ops::Deref for KeyedContext<'a, K> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl<K> std::ops::DerefMut for KeyedContext<'_, K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl<K: crate::data::Key> KeyedContext<'_, K> {
    /// The key of the record or timer.
    pub fn key(&self) -> &K {
        self.key
    }

    /// In `on_timer`, by which time the timer that fires goes; `None` while a record is processed.
    pub fn time_domain(&self) -> Option<TimeDomain> {
        self.firing
    }

    /// Whether a timer of this key is set that [`KeyedContext::set_event_timer`] has set for `at`. A timer that fires is set
    /// no more.
    pub fn has_event_timer(&self, at: Timestamp) -> bool {
        self.timers.event.contains(at, self.hash, self.key)
    }

    /// Whether a timer of this key is set that [`KeyedContext::set_processing_timer`] has set for `at`.
    pub fn has_processing_timer(&self, at: Timestamp) -> bool {
        self.timers.processing.contains(at, self.hash, self.key)
    }

    /// Has `on_timer` called for this key once the watermark has reached `at`. One timer per key and instant: setting
    /// it again changes nothing.
    pub fn set_event_timer(&mut self, at: Timestamp) {
        self.timers.event.set(at, self.hash, self.key);
    }

    /// Takes back [`KeyedContext::set_event_timer`].
    pub fn delete_event_timer(&mut self, at: Timestamp) {
        self.timers.event.delete(at, self.hash, self.key);
    }

    /// Has `on_timer` called for this key once processing time has reached `at`.
    pub fn set_processing_timer(&mut self, at: Timestamp) {
        self.timers.processing.set(at, self.hash, self.key);
        self.base.task.wake_at(at);
    }

    /// Takes back [`KeyedContext::set_processing_timer`].
    pub fn delete_processing_timer(&mut self, at: Timestamp) {
        self.timers.processing.delete(at, self.hash, self.key);
    }
}
