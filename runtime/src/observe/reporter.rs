//! Copies what the subtasks have counted to the process's `metrics` recorder.
//!
//! Subtasks write plain atomics of their own; only a [`Reporter`] knows the recorder. Names are Flink's, prefixed with
//! `millstream_taskmanager_job_operator_` or `millstream_taskmanager_job_task_`.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Key, KeyName, Label, Recorder, Unit, with_recorder};

use super::checkpoints::{self, CheckpointReport};
use super::metrics::{JobMetrics, OperatorMetrics, TaskMetrics};
use super::task_time::Spent;
use super::user::UserReport;
use crate::checkpoint::CheckpointHistory;
use crate::graph::Plan;
use crate::operator::TaskInfo;

const RECORDS_IN: &str = "millstream_taskmanager_job_operator_numRecordsIn";
const RECORDS_OUT: &str = "millstream_taskmanager_job_operator_numRecordsOut";
const LATE_DROPPED: &str = "millstream_taskmanager_job_operator_numLateRecordsDropped";
const RECORDS_FAILED: &str = "millstream_taskmanager_job_operator_numRecordsFailed";
const WATERMARK: &str = "millstream_taskmanager_job_operator_currentInputWatermark";
const BUSY: &str = "millstream_taskmanager_job_task_busyTimeMsPerSecond";
const IDLE: &str = "millstream_taskmanager_job_task_idleTimeMsPerSecond";
const BACK_PRESSURED: &str = "millstream_taskmanager_job_task_backPressuredTimeMsPerSecond";
const ALIGNMENT: &str = "millstream_taskmanager_job_task_checkpointAlignmentTime";
const INPUT_QUEUE: &str = "millstream_taskmanager_job_task_inputQueueLength";

pub(super) static METADATA: metrics::Metadata<'static> =
    metrics::Metadata::new("millstream", metrics::Level::INFO, Some(module_path!()));

/// Tells a recorder what the metrics mean.
pub(crate) fn describe(recorder: &dyn Recorder) {
    let counters = [
        (RECORDS_IN, "Records that came in; for a source, that were read"),
        (RECORDS_OUT, "Records that were handed on"),
        (LATE_DROPPED, "Records that came behind the watermark and that nobody asked for"),
        (RECORDS_FAILED, "Records that were left out because they were malformed or user code failed on them"),
    ];
    for (name, text) in counters {
        recorder.describe_counter(KeyName::from_const_str(name), Some(Unit::Count), text.into());
    }
    let gauges = [
        (WATERMARK, "Event time at the operator, in milliseconds since the epoch; absent before the first watermark"),
        (BUSY, "Milliseconds of each second that the subtask works"),
        (IDLE, "Milliseconds of each second that the subtask waits for input"),
        (BACK_PRESSURED, "Milliseconds of each second that the subtask waits for room in an output"),
        (ALIGNMENT, "Milliseconds that the last checkpoint's barriers took to arrive on all inputs"),
        (INPUT_QUEUE, "Batches and signals that wait to be processed"),
    ];
    for (name, text) in gauges {
        recorder.describe_gauge(KeyName::from_const_str(name), None, text.into());
    }
    checkpoints::describe(recorder);
}

/// Copies one job's metrics, whenever it is told to.
pub(crate) struct Reporter {
    plan: Arc<Plan>,
    registry: Arc<JobMetrics>,
    operators: Vec<OperatorReport>,
    tasks: Vec<TaskReport>,
    checkpoints: CheckpointReport,
}

impl Reporter {
    /// A reporter that has copied nothing.
    pub(crate) fn new(plan: Arc<Plan>, registry: Arc<JobMetrics>, history: Arc<CheckpointHistory>) -> Self {
        let checkpoints = CheckpointReport::new(&plan.graph.settings.job, history);
        Self { plan, registry, operators: Vec::new(), tasks: Vec::new(), checkpoints }
    }

    /// Copies how things stand at `now` on the job's monotonic clock.
    pub(crate) fn copy(&mut self, now: Duration) {
        // Subtasks register as they start, and stay.
        for (info, metrics) in self.registry.operators().into_iter().skip(self.operators.len()) {
            let label = self.plan.graph.label(metrics.node);
            self.operators.push(OperatorReport::new(&info, &label, metrics));
        }
        for (info, metrics) in self.registry.tasks().into_iter().skip(self.tasks.len()) {
            self.tasks.push(TaskReport::new(&info, metrics, now));
        }
        // Counts of a restarted job's earlier attempts still count; how things stand is told by the last attempt.
        let attempt = self.tasks.iter().map(|task| task.attempt).max().unwrap_or(0);
        for operator in &mut self.operators {
            operator.copy(attempt, now);
        }
        for task in self.tasks.iter_mut().filter(|task| task.attempt == attempt) {
            task.copy(now);
        }
        self.checkpoints.copy();
    }
}

/// Adds what is new to a counter, so that the counts of a restarted job go on where they were.
pub(super) struct Copied {
    counter: Counter,
    so_far: u64,
}

impl Copied {
    pub(super) fn new(name: impl Into<KeyName>, labels: &[Label]) -> Self {
        let key = Key::from_parts(name, labels.to_vec());
        Self { counter: with_recorder(|recorder| recorder.register_counter(&key, &METADATA)), so_far: 0 }
    }

    pub(super) fn copy(&mut self, count: u64) {
        self.counter.increment(count.saturating_sub(self.so_far));
        self.so_far = count;
    }
}

pub(super) fn gauge(name: impl Into<KeyName>, labels: &[Label]) -> Gauge {
    let key = Key::from_parts(name, labels.to_vec());
    with_recorder(|recorder| recorder.register_gauge(&key, &METADATA))
}

fn labels(info: &TaskInfo, (kind, name): (&'static str, &str), subtask: usize) -> Vec<Label> {
    vec![
        Label::new("job", info.job.to_string()),
        Label::new(kind, name.to_owned()),
        Label::new("subtask", subtask.to_string()),
    ]
}

struct OperatorReport {
    attempt: u32,
    metrics: Arc<OperatorMetrics>,
    labels: Vec<Label>,
    records_in: Copied,
    records_out: Copied,
    late_dropped: Copied,
    records_failed: Copied,
    /// Made at the first watermark.
    watermark: Option<Gauge>,
    user: UserReport,
}

impl OperatorReport {
    fn new(info: &TaskInfo, label: &str, metrics: Arc<OperatorMetrics>) -> Self {
        let labels = labels(info, ("operator", label), metrics.subtask);
        Self {
            attempt: info.attempt,
            metrics,
            records_in: Copied::new(RECORDS_IN, &labels),
            records_out: Copied::new(RECORDS_OUT, &labels),
            late_dropped: Copied::new(LATE_DROPPED, &labels),
            records_failed: Copied::new(RECORDS_FAILED, &labels),
            watermark: None,
            user: UserReport::default(),
            labels,
        }
    }

    fn copy(&mut self, attempt: u32, now: Duration) {
        self.records_in.copy(self.metrics.records_in.get());
        self.records_out.copy(self.metrics.records_out.get());
        self.late_dropped.copy(self.metrics.late_dropped.get());
        self.records_failed.copy(self.metrics.records_failed.get());
        self.user.copy(&self.metrics.user, &self.labels, now, self.attempt == attempt);
        let watermark = self.metrics.watermark();
        if watermark.is_set() && self.attempt == attempt {
            let gauge = self.watermark.get_or_insert_with(|| gauge(WATERMARK, &self.labels));
            gauge.set(watermark.as_millis() as f64);
        }
    }
}

struct TaskReport {
    attempt: u32,
    metrics: Arc<TaskMetrics>,
    busy: Gauge,
    idle: Gauge,
    back_pressured: Gauge,
    input_queue: Gauge,
    alignment: Gauge,
    /// How the times stood at the last copy, and when that was.
    last: (Spent, Duration),
}

impl TaskReport {
    fn new(info: &TaskInfo, metrics: Arc<TaskMetrics>, now: Duration) -> Self {
        let labels = labels(info, ("task", &metrics.head), metrics.subtask);
        // Its first interval begins with its own start, however long ago that was.
        let started = now.saturating_sub(metrics.time.spent(now).total());
        Self {
            busy: gauge(BUSY, &labels),
            idle: gauge(IDLE, &labels),
            back_pressured: gauge(BACK_PRESSURED, &labels),
            input_queue: gauge(INPUT_QUEUE, &labels),
            alignment: gauge(ALIGNMENT, &labels),
            attempt: info.attempt,
            metrics,
            last: (Spent::default(), started),
        }
    }

    fn copy(&mut self, now: Duration) {
        self.input_queue.set(self.metrics.input_queue.get() as f64);
        self.alignment.set(self.metrics.alignment_ms.get() as f64);
        let (last, at) = self.last;
        let elapsed = now.saturating_sub(at);
        // A clock that stands still says nothing about shares of time.
        if elapsed.is_zero() {
            return;
        }
        let spent = self.metrics.time.spent(now);
        let shares = spent.per_second_since(last, elapsed);
        self.busy.set(shares.busy);
        self.idle.set(shares.idle);
        self.back_pressured.set(shares.back_pressured);
        self.last = (spent, now);
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::observe::Doing;
    use crate::stream::Environment;
    use crate::time::{ManualClock, Timestamp};

    fn info() -> TaskInfo {
        TaskInfo {
            job: "orders".into(),
            subtask: 1,
            parallelism: 2,
            max_parallelism: 128,
            run: "run".into(),
            attempt: 0,
            restored: false,
        }
    }

    #[test]
    fn what_subtasks_count_is_seen_under_flinks_names() {
        let env = Environment::new("orders");
        env.from_collection([1]).map(|n| n).name("double").collect();
        let registry = Arc::new(JobMetrics::default());
        let operator = OperatorMetrics::new(1, "double", 1);
        registry.add_operator(&info(), Arc::clone(&operator));
        let task = Arc::new(TaskMetrics { head: "numbers".to_owned(), subtask: 1, ..TaskMetrics::default() });
        task.time.switch(Doing::Busy, &ManualClock::at(Timestamp::from_millis(1_000)));
        task.time.switch(Doing::Idle, &ManualClock::at(Timestamp::from_millis(1_500)));
        registry.add_task(&info(), task);

        let recorder = PrometheusBuilder::new().build_recorder();
        let seen = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let mut reporter = Reporter::new(Arc::new(env.plan().unwrap()), registry, Arc::default());
            operator.records_in.add(5);
            reporter.copy(Duration::from_secs(2));
            assert!(!seen.render().contains("currentInputWatermark"), "{}", seen.render());
            operator.records_in.add(2);
            operator.set_watermark(Timestamp::from_millis(42));
            reporter.copy(Duration::from_secs(2));
        });
        let text = seen.render();
        for line in [
            r#"operator_numRecordsIn{job="orders",operator="double",subtask="1"} 7"#,
            r#"operator_numRecordsOut{job="orders",operator="double",subtask="1"} 0"#,
            r#"operator_currentInputWatermark{job="orders",operator="double",subtask="1"} 42"#,
            r#"task_busyTimeMsPerSecond{job="orders",task="numbers",subtask="1"} 500"#,
            r#"task_idleTimeMsPerSecond{job="orders",task="numbers",subtask="1"} 500"#,
            r#"task_inputQueueLength{job="orders",task="numbers",subtask="1"} 0"#,
        ] {
            assert!(text.contains(&format!("millstream_taskmanager_job_{line}\n")), "{line}\n{text}");
        }
    }
}
