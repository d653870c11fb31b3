//! What an asynchronous function can ask.

use std::sync::Arc;
use std::time::Duration;

use crate::observe::{MetricGroup, OperatorMetrics};
use crate::operator::TaskInfo;
use crate::time::{Clock, Timestamp};

/// What an [`AsyncFunction`](super::AsyncFunction) can ask of the record it is given and of the subtask that it works for.
#[derive(Clone)]
pub struct AsyncContext {
    subtask: Arc<Subtask>,
    time: Timestamp,
    watermark: Timestamp,
}

struct Subtask {
    info: TaskInfo,
    metrics: Arc<OperatorMetrics>,
    clock: Arc<dyn Clock>,
    timeout: Option<Duration>,
}

impl AsyncContext {
    /// The context of what concerns no record.
    pub(super) fn new(
        info: TaskInfo,
        metrics: Arc<OperatorMetrics>,
        clock: Arc<dyn Clock>,
        timeout: Option<Duration>,
    ) -> Self {
        let subtask = Arc::new(Subtask { info, metrics, clock, timeout });
        Self { subtask, time: Timestamp::MIN, watermark: Timestamp::MIN }
    }

    /// The context of a record.
    pub(super) fn at(&self, time: Timestamp, watermark: Timestamp) -> Self {
        Self { subtask: Arc::clone(&self.subtask), time, watermark }
    }

    /// The event time of the record, if it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.is_set().then_some(self.time)
    }

    /// How far event time had come when the record came in; [`Timestamp::MIN`] before the first watermark.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Processing time now.
    pub fn processing_time(&self) -> Timestamp {
        self.subtask.clock.now()
    }

    /// How long a record may take, if there is a limit.
    pub fn timeout(&self) -> Option<Duration> {
        self.subtask.timeout
    }

    /// Metrics of the user's own, labelled with job, operator and subtask.
    ///
    /// ```
    /// # use millstream::operator::AsyncContext;
    /// # use millstream::prelude::*;
    /// #[operator]
    /// async fn lookup(user: u64, ctx: &AsyncContext) -> u64 {
    ///     ctx.metrics().counter("lookups").add(1);
    ///     user
    /// }
    /// # let _ = lookup();
    /// ```
    pub fn metrics(&self) -> &MetricGroup {
        &self.subtask.metrics.user
    }

    /// Which subtask this is, from 0.
    pub fn subtask_index(&self) -> usize {
        self.subtask.info.subtask
    }

    /// How many subtasks this operator has.
    pub fn parallelism(&self) -> usize {
        self.subtask.info.parallelism
    }

    /// How often the job has been restarted.
    pub fn attempt(&self) -> u32 {
        self.subtask.info.attempt
    }

    /// The job's name.
    pub fn job_name(&self) -> &str {
        &self.subtask.info.job
    }
}

impl std::fmt::Debug for AsyncContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operator = &self.subtask.metrics.name;
        f.debug_struct("AsyncContext").field("operator", operator).field("time", &self.time).finish_non_exhaustive()
    }
}
