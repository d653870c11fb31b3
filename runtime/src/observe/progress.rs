//! The progress line of a bounded job on a terminal.

use std::collections::VecDeque;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::metrics::JobMetrics;
use super::number::{duration, grouped, per_second};
use super::terminal;
use crate::graph::{Body, Plan};
use crate::time::Timestamp;

/// How many of the last drawings the rate is taken over.
const RATE_SAMPLES: usize = 20;

/// The line, from the start of a job to its end. Nothing is shown where standard error is not a terminal.
pub(crate) struct Progress {
    line: ProgressBar,
    job: String,
    began: Duration,
    samples: VecDeque<(Duration, u64)>,
}

impl Progress {
    /// Shows the line of a job that begins at `now` on its monotonic clock.
    pub(crate) fn show(job: &str, now: Duration) -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        line.set_style(style.expect("invariant: the template is well formed"));
        terminal::set_line(Some(line.clone()));
        Self { line, job: job.to_owned(), began: now, samples: VecDeque::from([(now, 0)]) }
    }

    /// Draws how things stand.
    pub(crate) fn draw(&mut self, plan: &Plan, metrics: &JobMetrics, now: Duration) {
        let state = State::of(plan, metrics);
        if self.samples.len() >= RATE_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, state.records_read));
        let (then, read_then) = self.samples.front().copied().unwrap_or_default();
        let rate = per_second(state.records_read.saturating_sub(read_then), now.saturating_sub(then));
        self.line.set_message(state.text(&self.job, &rate, now.saturating_sub(self.began)));
        self.line.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        terminal::set_line(None);
        self.line.finish_and_clear();
    }
}

/// What the line tells of a job.
#[derive(Debug, PartialEq, Eq)]
struct State {
    records_read: u64,
    /// The lowest of the sinks'; `MIN` if one of them has none.
    watermark: Timestamp,
}

impl State {
    fn of(plan: &Plan, metrics: &JobMetrics) -> Self {
        let mut state = Self { records_read: 0, watermark: Timestamp::MAX };
        for (_, subtask) in metrics.operators() {
            match plan.graph.nodes[subtask.node].body {
                Body::Source { .. } => state.records_read += subtask.records_in.get(),
                Body::Sink { .. } => state.watermark = state.watermark.min(subtask.watermark()),
                Body::Operator(_) => {}
            }
        }
        state
    }

    fn text(&self, job: &str, rate: &str, elapsed: Duration) -> String {
        let watermark = match self.watermark {
            Timestamp::MIN | Timestamp::MAX => String::new(),
            watermark => format!("watermark {watermark}, "),
        };
        format!("{job}: {} records, {rate}, {watermark}{}", grouped(self.records_read), duration(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::OperatorMetrics;
    use crate::operator::TaskInfo;
    use crate::stream::Environment;

    #[test]
    fn the_slowest_sink_tells_the_watermark() {
        let env = Environment::new("orders");
        env.from_collection([1]).collect();
        let plan = env.plan().unwrap();
        let registry = JobMetrics::default();
        let info = TaskInfo {
            job: "orders".into(),
            subtask: 0,
            parallelism: 2,
            max_parallelism: 128,
            run: "run".into(),
            attempt: 0,
            restored: false,
        };
        let [source, fast, slow] =
            [(0, 0), (1, 0), (1, 1)].map(|(node, subtask)| OperatorMetrics::new(node, "operator", subtask));
        for metrics in [&source, &fast, &slow] {
            registry.add_operator(&info, metrics.clone());
        }
        source.records_in.add(1_500);
        fast.set_watermark(Timestamp::from_millis(9_000));
        assert_eq!(State::of(&plan, &registry), State { records_read: 1_500, watermark: Timestamp::MIN });
        slow.set_watermark(Timestamp::from_millis(4_000));
        let text = State::of(&plan, &registry).text("orders", "700/s", Duration::from_secs(2));
        assert_eq!(text, "orders: 1,500 records, 700/s, watermark 1970-01-01T00:00:04Z, 2.0 s");
    }

    #[test]
    fn a_stream_without_event_time_shows_no_watermark() {
        let state = State { records_read: 0, watermark: Timestamp::MIN };
        assert_eq!(state.text("orders", "0/s", Duration::ZERO), "orders: 0 records, 0/s, 0 ms");
    }
}
