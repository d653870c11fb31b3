//! What can be seen of a running job: metrics, progress, summary.

mod metrics;

pub(crate) use metrics::{JobMetrics, OperatorMetrics, TaskMetrics, labels};
