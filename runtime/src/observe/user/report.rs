//! Copies users' metrics to the process's recorder.

use std::collections::VecDeque;
use std::time::Duration;

use metrics::Label;

use super::{HistogramSnapshot, Metric, MetricGroup};
use crate::observe::reporter::{Copied, METADATA, gauge};

const PREFIX: &str = "millstream_taskmanager_job_operator_";
/// What a meter's rate is taken over.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// Copies the metrics that one operator's subtask has made for its user.
#[derive(Default)]
pub(crate) struct UserReport {
    /// In the order of the group's.
    copies: Vec<Copy>,
}

enum Copy {
    Counter(Copied),
    Gauge(metrics::Gauge),
    Meter { count: Copied, rate: metrics::Gauge, marks: VecDeque<(Duration, u64)> },
    Histogram { histogram: metrics::Histogram, so_far: HistogramSnapshot },
}

impl UserReport {
    /// Copies how things stand at `now`; gauges only of what runs still.
    pub(crate) fn copy(&mut self, group: &MetricGroup, labels: &[Label], now: Duration, runs: bool) {
        for (at, (name, metric)) in group.iter().enumerate() {
            if at == self.copies.len() {
                self.copies.push(Copy::new(name, metric, labels));
            }
            self.copies[at].copy(metric, now, runs);
        }
    }
}

impl Copy {
    fn new(name: &str, metric: &Metric, labels: &[Label]) -> Self {
        let name = format!("{PREFIX}{name}");
        match metric {
            Metric::Counter(_) => Self::Counter(Copied::new(name, labels)),
            Metric::Gauge(_) => Self::Gauge(gauge(name, labels)),
            Metric::Meter(_) => {
                let count = Copied::new(format!("{name}Count"), labels);
                Self::Meter { count, rate: gauge(name, labels), marks: VecDeque::new() }
            }
            Metric::Histogram(_) => {
                let key = metrics::Key::from_parts(name, labels.to_vec());
                let histogram = metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA));
                Self::Histogram { histogram, so_far: HistogramSnapshot::default() }
            }
        }
    }

    fn copy(&mut self, metric: &Metric, now: Duration, runs: bool) {
        match (self, metric) {
            (Self::Counter(copied), Metric::Counter(counter)) => copied.copy(counter.get()),
            (Self::Gauge(copied), Metric::Gauge(gauge)) if runs => copied.set(gauge.get()),
            (Self::Meter { count, rate, marks }, Metric::Meter(meter)) => {
                count.copy(meter.count());
                if runs {
                    rate.set(per_second(marks, now, meter.count()));
                }
            }
            (Self::Histogram { histogram, so_far }, Metric::Histogram(live)) => {
                let snapshot = live.snapshot();
                for (value, count) in snapshot.since(so_far).buckets() {
                    histogram.record_many(value, usize::try_from(count).unwrap_or(usize::MAX));
                }
                *so_far = snapshot;
            }
            // The gauge of an earlier attempt. The kind at a place of the group never changes.
            _ => {}
        }
    }
}

/// The rate over the window, or as much of it as has passed. `marks` holds earlier counts.
fn per_second(marks: &mut VecDeque<(Duration, u64)>, now: Duration, count: u64) -> f64 {
    marks.push_back((now, count));
    while marks.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= RATE_WINDOW) {
        marks.pop_front();
    }
    let (since, before) = marks.front().copied().unwrap_or((now, count));
    let elapsed = now.saturating_sub(since).as_secs_f64();
    if elapsed > 0.0 { (count - before) as f64 / elapsed } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let mut marks = VecDeque::new();
        let at = Duration::from_secs;
        assert_eq!(per_second(&mut marks, at(0), 0), 0.0);
        assert_eq!(per_second(&mut marks, at(10), 100), 10.0);
        assert_eq!(per_second(&mut marks, at(60), 600), 10.0);
        assert_eq!(per_second(&mut marks, at(120), 600), 0.0);
        assert!(marks.len() <= 2);
    }

    #[test]
    fn metrics_of_every_kind_are_seen() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let seen = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let (group, mut report) = (MetricGroup::default(), UserReport::default());
            let labels = [Label::new("operator", "lookup")];
            group.counter("hits").add(2);
            report.copy(&group, &labels, Duration::ZERO, true);
            group.counter("hits").add(3);
            group.gauge("open").set(1.5);
            group.meter("calls").mark(10);
            group.histogram("latency").record(8.0);
            report.copy(&group, &labels, Duration::from_secs(1), true);
            group.meter("calls").mark(10);
            group.histogram("latency").record(8.0);
            group.gauge("open").set(9.0);
            report.copy(&group, &labels, Duration::from_secs(3), true);
            group.gauge("open").set(1.0);
            report.copy(&group, &labels, Duration::from_secs(3), false);
        });
        let text = seen.render();
        let expected = ["hits{operator=\"lookup\"} 5", "open{operator=\"lookup\"} 9", "calls{operator=\"lookup\"} 5"];
        for line in
            expected.into_iter().chain(["callsCount{operator=\"lookup\"} 20", "latency_count{operator=\"lookup\"} 2"])
        {
            assert!(text.contains(&format!("{PREFIX}{line}\n")), "{line}\n{text}");
        }
    }
}
