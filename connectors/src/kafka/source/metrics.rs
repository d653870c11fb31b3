//! What a reader tells of its partitions.

use std::time::{Duration, Instant};

use millstream::observe::MetricGroup;

/// How often metrics are set.
const INTERVAL: Duration = Duration::from_secs(1);

/// When a reader is to tell again.
#[derive(Debug)]
pub(super) struct Reporting {
    due: Instant,
}

/// What is told of a partition.
pub(super) struct PartitionReport<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    /// The offset that is read next.
    pub(super) offset: i64,
    /// How many offsets there are beyond, if the cluster has told.
    pub(super) lag: Option<i64>,
    /// How many records were read since the last report.
    pub(super) records: u64,
}

impl Reporting {
    pub(super) fn new() -> Self {
        Self { due: Instant::now() }
    }

    /// Whether it is time.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = now >= self.due;
        if is_due {
            self.due = now + INTERVAL;
        }
        is_due
    }

    /// Sets the metrics of all partitions: `pendingRecords`, and for each partition its offset, lag and rate.
    pub(super) fn report<'a>(metrics: &MetricGroup, partitions: impl Iterator<Item = PartitionReport<'a>>) {
        let mut pending = 0;
        for PartitionReport { topic, partition, offset, lag, records } in partitions {
            let name = |metric: &str| format!("{topic}.{partition}.{metric}");
            metrics.gauge(&name("currentOffset")).set(offset as f64);
            metrics.meter(&name("recordsConsumed")).mark(records);
            if let Some(lag) = lag {
                metrics.gauge(&name("recordsLag")).set(lag as f64);
                pending += lag;
            }
        }
        metrics.gauge("pendingRecords").set(pending as f64);
    }
}
