//! Copies what has become of a job's checkpoints to the `metrics` recorder, under Flink's names.

use std::sync::Arc;

use metrics::{Gauge, KeyName, Label, Recorder};

use super::reporter::gauge;
use crate::checkpoint::CheckpointHistory;

const DURATION: &str = "millstream_jobmanager_job_lastCheckpointDuration";
const SIZE: &str = "millstream_jobmanager_job_lastCheckpointSize";
const COMPLETED: &str = "millstream_jobmanager_job_numberOfCompletedCheckpoints";
const FAILED: &str = "millstream_jobmanager_job_numberOfFailedCheckpoints";
const RESTARTS: &str = "millstream_jobmanager_job_numRestarts";

/// Tells a recorder what the metrics mean.
pub(super) fn describe(recorder: &dyn Recorder) {
    let gauges = [
        (DURATION, "Milliseconds that the last completed checkpoint took; absent before"),
        (SIZE, "Bytes that the last completed checkpoint wrote; absent before"),
        (COMPLETED, "Checkpoints and savepoints that were completed"),
        (FAILED, "Checkpoints and savepoints that failed"),
        (RESTARTS, "How often the job was restarted"),
    ];
    for (name, text) in gauges {
        recorder.describe_gauge(KeyName::from_const_str(name), None, text.into());
    }
}

/// Copies one job's history, whenever it is told to.
pub(super) struct CheckpointReport {
    history: Arc<CheckpointHistory>,
    labels: Vec<Label>,
    completed: Gauge,
    failed: Gauge,
    restarts: Gauge,
    /// Made at the first completed checkpoint.
    last: Option<(Gauge, Gauge)>,
}

impl CheckpointReport {
    pub(super) fn new(job: &str, history: Arc<CheckpointHistory>) -> Self {
        let labels = vec![Label::new("job", job.to_owned())];
        Self {
            history,
            completed: gauge(COMPLETED, &labels),
            failed: gauge(FAILED, &labels),
            restarts: gauge(RESTARTS, &labels),
            last: None,
            labels,
        }
    }

    pub(super) fn copy(&mut self) {
        let counts = self.history.counts();
        self.completed.set(counts.completed as f64);
        self.failed.set(counts.failed as f64);
        self.restarts.set(counts.restarts as f64);
        if let Some(record) = self.history.last_completed() {
            let labels = &self.labels;
            let (duration, size) = self.last.get_or_insert_with(|| (gauge(DURATION, labels), gauge(SIZE, labels)));
            duration.set(record.duration.unwrap_or_default().as_secs_f64() * 1e3);
            size.set(record.bytes as f64);
        }
    }
}
