//! Metrics of users' own: what their functions count, by operator and subtask.
//!
//! Functions write plain atomics, without locks; the reporter copies them to the process's recorder, and tests read them.

mod group;
mod handles;
mod histogram;
mod report;

pub(crate) use group::Metric;
pub use group::MetricGroup;
pub use handles::{Counter, Gauge, Meter};
pub use histogram::{Histogram, HistogramSnapshot};
pub(crate) use report::UserReport;
