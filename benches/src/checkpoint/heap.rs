//! Pauses and throughput around barriers, by the number of keys on the heap.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use millstream::checkpoint::{CheckpointRecord, Checkpointing};
use serde::Serialize;

use super::beat::Beat;
use super::run::{Outcome, Run};
use super::{Samples, Scale};
use crate::input::{below, scatter};

const KEYS: [u64; 2] = [1_000_000, 10_000_000];
const BARRIERS: u64 = 20;
/// From the end of a checkpoint to the next; the second half of it is for comparison.
const PAUSE: Duration = Duration::from_millis(2200);
/// How long after a barrier gaps are looked for.
const AFTER: Duration = Duration::from_secs(1);

/// The figures for one number of keys.
#[derive(Debug, Clone, Serialize)]
pub struct HeapFigures {
    /// How many there are; all are in the state before anything is measured.
    pub keys: u64,
    /// How long the keyed subtask stood still to freeze its state.
    pub freeze: Samples,
    /// The longest gap in the second after each barrier.
    pub gap: Gaps,
    /// The longest gap in a second without a checkpoint.
    pub quiet_gap: Gaps,
    /// How long checkpoints took.
    pub duration: Samples,
    /// The size of the last one.
    pub bytes: u64,
    /// Million records per second while no checkpoint was under way.
    pub quiet_rate: f64,
    /// The rate while a checkpoint was under way, as a part of that without.
    pub rate_kept: f64,
}

/// Gaps between batches.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Gaps {
    /// As a clock on the wall shows them.
    pub wall: Samples,
    /// As far as the thread had the processor: what is left of them on a machine of its own.
    pub computed: Samples,
}

pub(super) fn measure(scale: Scale) -> Result<Vec<HeapFigures>> {
    KEYS.iter().map(|keys| size(scale.of(*keys, 1000), scale.of(BARRIERS, 3))).collect()
}

fn size(keys: u64, barriers: u64) -> Result<HeapFigures> {
    let directory = tempfile::tempdir()?;
    let checkpointing = Checkpointing::to(directory.path().display().to_string())
        .interval(Duration::from_millis(100))
        .min_pause(PAUSE)
        .unaligned_after(None);
    // Each key once, then keys at random.
    let record = move |index: u64| (scatter(if index < keys { index } else { below(keys, index) }), 1);
    let run = Run { checkpointing: Some(checkpointing), ..Run::new(record) };
    // A few checkpoints go by while the keys come.
    let run = run.until(|_, completed| completed >= barriers + keys / 2_000_000 + 3)?;
    let full = run.reached(2 * keys).context("the job was cancelled before all keys had come")?;
    figures(keys, &run, full).context("no checkpoint was completed after all keys had come")
}

fn figures(keys: u64, run: &Outcome, full: Duration) -> Option<HeapFigures> {
    let is_measured = |taken: &&CheckpointRecord| full + AFTER < taken.triggered && taken.triggered + AFTER < run.end();
    let measured: Vec<&CheckpointRecord> = run.checkpoints.iter().filter(is_measured).collect();
    let over = |taken: &CheckpointRecord| taken.triggered + taken.duration.unwrap_or_default();
    let mean = |rates: Vec<f64>| rates.iter().sum::<f64>() / rates.len() as f64;
    let busy_rate = mean(measured.iter().map(|taken| run.rate(taken.triggered, over(taken))).collect());
    let quiet_rate = mean(measured.iter().map(|taken| run.rate(taken.triggered - AFTER, taken.triggered)).collect());
    Some(HeapFigures {
        keys,
        freeze: Samples::of(measured.iter().map(|taken| taken.sync()))?,
        gap: Gaps::of(run, measured.iter().map(|taken| taken.triggered))?,
        // The pause before a barrier is longer than the second after one.
        quiet_gap: Gaps::of(run, measured.iter().map(|taken| taken.triggered - AFTER))?,
        duration: Samples::of(measured.iter().filter_map(|taken| taken.duration))?,
        bytes: measured.last()?.bytes,
        quiet_rate: quiet_rate / 1e6,
        rate_kept: busy_rate / quiet_rate,
    })
}

impl Gaps {
    /// The longest of each second that begins at one of `starts`.
    pub(super) fn of(run: &Outcome, starts: impl Iterator<Item = Duration> + Clone) -> Option<Self> {
        let longest = |clock: fn(&Beat) -> Duration| {
            Samples::of(starts.clone().map(|start| run.longest_gap(start, start + AFTER, clock)))
        };
        Some(Self { wall: longest(|beat| beat.at)?, computed: longest(|beat| beat.computed)? })
    }
}

impl fmt::Display for HeapFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "heap, {:.1}M keys, {:.1}M records/s", self.keys as f64 / 1e6, self.quiet_rate)?;
        writeln!(f, "   freeze                     {}", self.freeze)?;
        writeln!(f, "   gap after a barrier        {}   (goal: p99 below 5 ms)", self.gap.wall)?;
        writeln!(f, "      of it computing         {}", self.gap.computed)?;
        writeln!(f, "   gap without                {}", self.quiet_gap.wall)?;
        writeln!(f, "      of it computing         {}", self.quiet_gap.computed)?;
        writeln!(f, "   checkpoint                 {}, {:.1} MB", self.duration, self.bytes as f64 / 1e6)?;
        writeln!(f, "   throughput during/without  {:.3}   (goal: 0.7)", self.rate_kept)
    }
}
