//! What can be seen of a running job: metrics, logs, progress, and a summary at the end.
//!
//! * Subtasks count in plain atomics of their own (`OperatorMetrics`, `TaskMetrics`); nobody waits for anybody.
//! * An `Observer`, one thread per job, copies the counts to the process's `metrics` recorder, and draws the progress
//!   line. [`serve_metrics`] installs a recorder that Prometheus can read.
//! * Logs and the progress line go to standard error; standard output belongs to the job.

mod checkpoints;
mod guarantees;
mod logging;
mod metrics;
pub(crate) mod number;
mod observer;
mod progress;
mod prometheus;
mod reporter;
mod summary;
mod task_time;
pub(crate) mod terminal;
mod user;

pub(crate) use guarantees::log_guarantees;
pub use logging::{LogFilterError, init_logging};
pub(crate) use metrics::{JobMetrics, OperatorMetrics, TaskMetrics};
pub(crate) use observer::{Observed, Observer};
pub use prometheus::{MetricsError, serve_metrics};
pub use summary::{JobSummary, OperatorSummary};
pub(crate) use task_time::Doing;
pub(crate) use user::Metric;
pub use user::{Counter, Gauge, Histogram, HistogramSnapshot, Meter, MetricGroup};
