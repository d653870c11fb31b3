//! What the operators of a harness have counted.

use std::sync::Arc;

use super::Harness;
use crate::data::Data;
use crate::observe::{HistogramSnapshot, Metric, OperatorMetrics};

impl<T: Data, U: Data> Harness<T, U> {
    /// What the counter called `name` of an operator says, of all its subtasks together; 0 if nothing has asked for it.
    /// `numRecordsIn`, `numRecordsOut`, `numLateRecordsDropped` and `numRecordsFailed` are known of every operator.
    ///
    /// ```
    /// use millstream::prelude::*;
    /// use millstream::testing::Harness;
    ///
    /// #[operator]
    /// fn check(reading: i64, ctx: &mut Context<'_>) -> i64 {
    ///     ctx.metrics().counter("belowZero").add(u64::from(reading < 0));
    ///     reading
    /// }
    ///
    /// let mut harness = Harness::new(|readings: Stream<i64>| readings.apply(check()));
    /// [-1, 2, -3].map(|reading| harness.push(reading));
    /// assert_eq!(harness.counter("check", "belowZero"), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// If the job has no such operator.
    pub fn counter(&mut self, operator: &str, name: &str) -> u64 {
        let count = |metrics: &OperatorMetrics| match name {
            "numRecordsIn" => metrics.records_in.get(),
            "numRecordsOut" => metrics.records_out.get(),
            "numLateRecordsDropped" => metrics.late_dropped.get(),
            "numRecordsFailed" => metrics.records_failed.get(),
            _ => found(
                metrics,
                name,
                |metric| if let Metric::Counter(count) = metric { Some(count.get()) } else { None },
            )
            .unwrap_or(0),
        };
        self.operator_metrics(operator).iter().map(|metrics| count(metrics)).sum()
    }

    /// What the gauge called `name` of an operator says, by subtask; nothing of those that have not asked for it.
    ///
    /// # Panics
    ///
    /// If the job has no such operator.
    pub fn gauge(&mut self, operator: &str, name: &str) -> Vec<f64> {
        let value = |metric: &Metric| if let Metric::Gauge(gauge) = metric { Some(gauge.get()) } else { None };
        self.operator_metrics(operator).iter().filter_map(|metrics| found(metrics, name, value)).collect()
    }

    /// How often the meter called `name` of an operator was marked, in all its subtasks together.
    ///
    /// # Panics
    ///
    /// If the job has no such operator.
    pub fn meter(&mut self, operator: &str, name: &str) -> u64 {
        let count = |metric: &Metric| if let Metric::Meter(meter) = metric { Some(meter.count()) } else { None };
        self.operator_metrics(operator).iter().filter_map(|metrics| found(metrics, name, count)).sum()
    }

    /// How the values in the histogram called `name` of an operator are spread, of all its subtasks together.
    ///
    /// # Panics
    ///
    /// If the job has no such operator.
    pub fn histogram(&mut self, operator: &str, name: &str) -> HistogramSnapshot {
        let of = |metric: &Metric| if let Metric::Histogram(live) = metric { Some(live.snapshot()) } else { None };
        let mut all = HistogramSnapshot::default();
        let each = self.operator_metrics(operator);
        each.iter().filter_map(|metrics| found(metrics, name, of)).for_each(|snapshot| all.merge(&snapshot));
        all
    }

    /// The metrics of each subtask of an operator, once everything pushed so far is processed.
    fn operator_metrics(&mut self, operator: &str) -> Vec<Arc<OperatorMetrics>> {
        self.settle();
        let all: Vec<_> = self.registry.operators().into_iter().map(|(_, metrics)| metrics).collect();
        let names: Vec<_> =
            all.iter().filter(|metrics| metrics.subtask == 0).map(|metrics| metrics.name.clone()).collect();
        let of: Vec<_> = all.into_iter().filter(|metrics| metrics.name == operator).collect();
        assert!(!of.is_empty(), "the job has no operator `{operator}`: there are {names:?}");
        of
    }
}

fn found<V>(metrics: &OperatorMetrics, name: &str, value: impl Fn(&Metric) -> Option<V>) -> Option<V> {
    metrics.user.iter().filter(|(known, _)| *known == name).find_map(|(_, metric)| value(metric))
}
