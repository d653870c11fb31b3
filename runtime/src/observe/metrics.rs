//! Counters of one operator's subtask. The subtask writes, anyone may read.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::task_time::TaskTime;
use super::user::MetricGroup;
use crate::operator::TaskInfo;
use crate::time::Timestamp;

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The metrics of one operator in one subtask.
#[derive(Debug)]
pub(crate) struct OperatorMetrics {
    /// Its node in the graph.
    pub(crate) node: usize,
    /// The operator's name.
    pub(crate) name: String,
    /// Which subtask of it.
    pub(crate) subtask: usize,
    pub(crate) records_in: Count,
    pub(crate) records_out: Count,
    /// Records that came behind the watermark and that nobody asked for.
    pub(crate) late_dropped: Count,
    /// Records for which user code failed, and that were left out.
    pub(crate) records_failed: Count,
    /// Event time here, in milliseconds.
    pub(crate) watermark: AtomicI64,
    /// What its function counts by itself.
    pub(crate) user: MetricGroup,
}

impl OperatorMetrics {
    pub(crate) fn new(node: usize, name: impl Into<String>, subtask: usize) -> Arc<Self> {
        Arc::new(Self {
            node,
            name: name.into(),
            subtask,
            records_in: Count::default(),
            records_out: Count::default(),
            late_dropped: Count::default(),
            records_failed: Count::default(),
            watermark: AtomicI64::new(i64::MIN),
            user: MetricGroup::default(),
        })
    }
}

impl OperatorMetrics {
    pub(crate) fn set_watermark(&self, watermark: Timestamp) {
        self.watermark.store(watermark.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn watermark(&self) -> Timestamp {
        Timestamp::from_millis(self.watermark.load(Ordering::Relaxed))
    }
}

/// A value that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The metrics of one subtask.
#[derive(Debug, Default)]
pub(crate) struct TaskMetrics {
    /// The name of its chain's head.
    pub(crate) head: String,
    pub(crate) subtask: usize,
    /// Messages that wait to be processed.
    pub(crate) input_queue: Level,
    /// How long the last barriers took to arrive on all inputs.
    pub(crate) alignment_ms: Level,
    /// Where its time goes.
    pub(crate) time: TaskTime,
}

/// The metrics of all subtasks of a job.
#[derive(Debug, Default)]
pub(crate) struct JobMetrics {
    operators: Mutex<Vec<(TaskInfo, Arc<OperatorMetrics>)>>,
    tasks: Mutex<Vec<(TaskInfo, Arc<TaskMetrics>)>>,
}

impl JobMetrics {
    pub(crate) fn add_operator(&self, info: &TaskInfo, metrics: Arc<OperatorMetrics>) {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner).push((info.clone(), metrics));
    }

    pub(crate) fn add_task(&self, info: &TaskInfo, metrics: Arc<TaskMetrics>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push((info.clone(), metrics));
    }

    pub(crate) fn operators(&self) -> Vec<(TaskInfo, Arc<OperatorMetrics>)> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn tasks(&self) -> Vec<(TaskInfo, Arc<TaskMetrics>)> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
