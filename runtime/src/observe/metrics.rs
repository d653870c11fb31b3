//! Counters of one operator's subtask. The subtask writes, anyone may read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use metrics::Label;

use crate::operator::TaskInfo;

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
}

impl OperatorMetrics {
    pub(crate) fn new(name: impl Into<String>, subtask: usize) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            subtask,
            records_in: Count::default(),
            records_out: Count::default(),
            late_dropped: Count::default(),
            records_failed: Count::default(),
            watermark: AtomicI64::new(i64::MIN),
        })
    }
}

/// The labels that every metric of an operator has.
pub(crate) fn labels(info: &TaskInfo, operator: &str) -> Vec<Label> {
    vec![
        Label::new("job", info.job.to_string()),
        Label::new("operator", operator.to_owned()),
        Label::new("subtask", info.subtask.to_string()),
    ]
}
