//! Runs a job for some time and keeps its beats and its checkpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use millstream::checkpoint::{CheckpointRecord, CheckpointStatus, Checkpointing};
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::state::StateBackend;
use millstream::time::SystemClock;

use super::beat::{Beat, BeatSink};

/// How often it is looked whether a run is to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A keyed sum without end.
pub(super) struct Run<F> {
    /// The record of each index.
    pub(super) record: F,
    pub(super) checkpointing: Option<Checkpointing>,
    /// The source's rate, if it is limited.
    pub(super) rate: Option<f64>,
    /// How long the sink takes over each record.
    pub(super) delay: Duration,
    pub(super) backend: StateBackend,
    /// Whether it goes on from the last checkpoint.
    pub(super) restore: bool,
}

impl<F> Run<F> {
    /// On the heap, as fast as it can, and without checkpoints.
    pub(super) fn new(record: F) -> Self {
        let backend = StateBackend::Heap;
        Self { record, checkpointing: None, rate: None, delay: Duration::ZERO, backend, restore: false }
    }
}

/// What a run has left.
pub(super) struct Outcome {
    /// In order of time.
    pub(super) beats: Vec<Beat>,
    /// In order of time.
    pub(super) checkpoints: Vec<CheckpointRecord>,
}

impl<F: Fn(u64) -> (u64, u64) + Send + Sync + 'static> Run<F> {
    /// Runs until `is_over`, which is told for how long the job has run, and of how many checkpoints.
    pub(super) fn until(self, is_over: impl Fn(Duration, u64) -> bool) -> Result<Outcome> {
        let env = Environment::new("checkpoint benchmark");
        env.set_parallelism(1);
        env.set_clock(Arc::new(SystemClock::new()));
        if let Some(checkpointing) = self.checkpointing {
            env.set_checkpointing(checkpointing);
        }
        env.set_state_backend(self.backend);
        if self.restore {
            env.restore_from("latest");
        }
        let (sink, beats) = BeatSink::new(self.delay);
        let source = GeneratorSource::new(None, self.record);
        let records = match self.rate {
            Some(rate) => env.source(source.rate(rate)).uid("source"),
            None => env.source(source).uid("source"),
        };
        records.key_by(|record| &record.0).sum(|record| record.1).uid("sum").sink(sink).uid("sink");
        let job = env.build()?;
        let handle = job.handle();
        let began = Instant::now();
        let running = std::thread::spawn(move || job.run());
        while !running.is_finished() && !is_over(began.elapsed(), handle.checkpoints().counts().completed) {
            std::thread::sleep(LOOK_EVERY);
        }
        let has_failed = running.is_finished();
        handle.cancel();
        let ended = running.join().map_err(|_| anyhow!("the job's thread has panicked"))?;
        if has_failed {
            ended.context("the job was to run until it is cancelled")?;
            bail!("the job has ended before it was cancelled");
        }
        let checkpoints = handle.checkpoints().records();
        for checkpoint in &checkpoints {
            if let CheckpointStatus::Failed(reason) = &checkpoint.status {
                ensure!(reason.contains("cancel"), "checkpoint {:?} has failed: {reason}", checkpoint.id);
            }
        }
        let completed = |checkpoint: &CheckpointRecord| checkpoint.status == CheckpointStatus::Completed;
        Ok(Outcome { beats: beats.take(), checkpoints: checkpoints.into_iter().filter(completed).collect() })
    }
}

impl Outcome {
    /// Records per second within a span of time.
    pub(super) fn rate(&self, from: Duration, until: Duration) -> f64 {
        let records: u64 = self.within(from, until).iter().map(|beat| beat.records).sum();
        records as f64 / until.saturating_sub(from).as_secs_f64()
    }

    /// The longest time between two batches within a span of time, by one of their clocks.
    pub(super) fn longest_gap(&self, from: Duration, until: Duration, clock: fn(&Beat) -> Duration) -> Duration {
        let pairs = self.within(from, until).windows(2);
        pairs.map(|pair| clock(&pair[1]).saturating_sub(clock(&pair[0]))).max().unwrap_or(until - from)
    }

    /// When so many records had come.
    pub(super) fn reached(&self, records: u64) -> Option<Duration> {
        let mut left = records;
        let beat = self.beats.iter().find(|beat| {
            left = left.saturating_sub(beat.records);
            left == 0
        })?;
        Some(beat.at)
    }

    pub(super) fn end(&self) -> Duration {
        self.beats.last().map_or(Duration::ZERO, |beat| beat.at)
    }

    fn within(&self, from: Duration, until: Duration) -> &[Beat] {
        let index = |time: Duration| self.beats.partition_point(|beat| beat.at < time);
        &self.beats[index(from)..index(until)]
    }
}
