//! State in RocksDB: pauses and throughput against the heap, what checkpoints upload, and how fast they are restored.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use millstream::checkpoint::Checkpointing;
use millstream::state::{RocksDbSettings, StateBackend};
use serde::Serialize;

use super::heap::Gaps;
use super::run::{Outcome, Run};
use super::{Samples, Scale};
use crate::input::{below, scatter};

const KEYS: u64 = 10_000_000;
const BARRIERS: u64 = 10;
const PAUSE: Duration = Duration::from_millis(2200);
/// How long after a barrier gaps are looked for.
const AFTER: Duration = Duration::from_secs(1);
/// One key in so many changes between the checkpoints whose uploads are compared.
const CHANGED: u64 = 100;

/// The figures of the keyed sum in RocksDB.
#[derive(Debug, Clone, Serialize)]
pub struct RocksDbFigures {
    /// How many keys there are; all are in the state before anything is measured.
    pub keys: u64,
    /// The longest gap in the second after each barrier, under random keys.
    pub gap: Gaps,
    /// How long the keyed subtask stood still.
    pub freeze: Samples,
    /// How long checkpoints took.
    pub duration: Samples,
    /// Thousand records per second under random keys.
    pub rate_thousands: f64,
    /// That rate as a part of the heap's.
    pub rate_of_heap: f64,
    /// Bytes that a checkpoint of all keys uploaded.
    pub full_bytes: u64,
    /// Bytes that the next one uploaded after a hundredth of the keys had changed.
    pub next_bytes: u64,
    /// The size of the snapshot that was restored.
    pub restored_bytes: u64,
    /// Seconds from the start of the restored job to its first result, per gigabyte.
    pub restore_seconds_per_gb: f64,
}

pub(super) fn measure(scale: Scale) -> Result<RocksDbFigures> {
    let keys = scale.of(KEYS, 10_000);
    let directory = tempfile::tempdir()?;
    let (run, full) =
        random_keys(keys, scale.of(BARRIERS, 3), StateBackend::RocksDb(RocksDbSettings::default()), directory.path())?;
    let on_heap = tempfile::tempdir()?;
    let (heap, heap_full) = random_keys(keys, 2, StateBackend::Heap, on_heap.path())?;
    let measured = run.checkpoints.iter().filter(|taken| full < taken.triggered && taken.triggered + AFTER < run.end());
    let triggered: Vec<Duration> = measured.clone().map(|taken| taken.triggered).collect();
    let none = "no checkpoint was completed after all keys had come";
    let (rate, heap_rate) = (run.rate(full, run.end()), heap.rate(heap_full, heap.end()));
    let (restored_bytes, restore) = restore(keys, directory.path())?;
    let (full_bytes, next_bytes) = uploads(scale.of(KEYS / 10, 10_000))?;
    Ok(RocksDbFigures {
        keys,
        gap: Gaps::of(&run, triggered.iter().copied()).context(none)?,
        freeze: Samples::of(measured.clone().map(|taken| taken.sync())).context(none)?,
        duration: Samples::of(measured.filter_map(|taken| taken.duration)).context(none)?,
        rate_thousands: rate / 1e3,
        rate_of_heap: rate / heap_rate,
        full_bytes,
        next_bytes,
        restored_bytes,
        restore_seconds_per_gb: restore.as_secs_f64() / (restored_bytes as f64 / 1e9),
    })
}

fn checkpoints(directory: &Path) -> Checkpointing {
    Checkpointing::to(directory.display().to_string())
        .interval(Duration::from_millis(100))
        .min_pause(PAUSE)
        .unaligned_after(None)
}

/// Each key once, then keys at random; answers with when all keys had come.
fn random_keys(keys: u64, barriers: u64, backend: StateBackend, directory: &Path) -> Result<(Outcome, Duration)> {
    let record = move |index: u64| (scatter(if index < keys { index } else { below(keys, index) }), 1);
    let run = run_full(keys, barriers, record, backend, directory)?;
    let full = run.reached(keys).context("the job was cancelled before all keys had come")?;
    Ok((run, full))
}

/// Runs until so many checkpoints have been completed after all keys have come.
fn run_full(
    keys: u64,
    barriers: u64,
    record: impl Fn(u64) -> (u64, u64) + Send + Sync + 'static,
    backend: StateBackend,
    directory: &Path,
) -> Result<Outcome> {
    let reached = Arc::new(AtomicU64::new(0));
    let noted = Arc::clone(&reached);
    let record = move |index: u64| {
        noted.store(index, Ordering::Relaxed);
        record(index)
    };
    let run = Run { checkpointing: Some(checkpoints(directory)), backend, ..Run::new(record) };
    let completed_before = AtomicU64::new(u64::MAX);
    run.until(|_, completed| {
        if reached.load(Ordering::Relaxed) < keys {
            return false;
        }
        let before = completed_before.fetch_min(completed, Ordering::Relaxed).min(completed);
        completed > before + barriers
    })
}

/// What a checkpoint uploads after all keys have come, and what after few have changed.
fn uploads(keys: u64) -> Result<(u64, u64)> {
    let directory = tempfile::tempdir()?;
    let record = move |index: u64| (scatter(if index < keys { index } else { below(keys / CHANGED, index) }), 1);
    let backend = StateBackend::RocksDb(RocksDbSettings::default());
    let run = run_full(keys, 4, record, backend, directory.path())?;
    let full = run.checkpoints.iter().map(|taken| taken.bytes).max();
    let next = run.checkpoints.last().map(|taken| taken.bytes);
    full.zip(next).context("no checkpoint was completed")
}

/// The size of the last checkpoint's store, and how long a job that goes on from it takes to its first result.
fn restore(keys: u64, directory: &Path) -> Result<(u64, Duration)> {
    let bytes = size_of(directory)?;
    let seen = Arc::new(AtomicU64::new(0));
    let noted = Arc::clone(&seen);
    let record = move |index: u64| {
        noted.fetch_add(1, Ordering::Relaxed);
        (scatter(below(keys, index)), 1)
    };
    let backend = StateBackend::RocksDb(RocksDbSettings::default());
    let run = Run {
        checkpointing: Some(checkpoints(directory).interval(Duration::from_secs(3600))),
        backend,
        restore: true,
        ..Run::new(record)
    };
    let began = Instant::now();
    let first = std::cell::Cell::new(None);
    run.until(|_, _| {
        if seen.load(Ordering::Relaxed) > 0 && first.get().is_none() {
            first.set(Some(began.elapsed()));
        }
        first.get().is_some()
    })?;
    Ok((bytes, first.get().context("the restored job has read nothing")?))
}

fn size_of(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

impl fmt::Display for RocksDbFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys as f64 / 1e6;
        writeln!(
            f,
            "rocksdb, {keys:.1}M keys, {:.0}k records/s, {:.3} of the heap's",
            self.rate_thousands, self.rate_of_heap
        )?;
        writeln!(f, "   pause at the barrier       {}", self.freeze)?;
        writeln!(f, "   gap after a barrier        {}   (goal: below 50 ms)", self.gap.wall)?;
        writeln!(f, "      of it computing         {}", self.gap.computed)?;
        writeln!(f, "   checkpoint                 {}", self.duration)?;
        let part = self.next_bytes as f64 / self.full_bytes as f64;
        let (full, next) = (self.full_bytes as f64 / 1e6, self.next_bytes as f64 / 1e6);
        writeln!(
            f,
            "   uploaded                   {full:.1} MB, then {next:.1} MB ({part:.3}) after 1 key in {CHANGED} had changed"
        )?;
        let restored = self.restored_bytes as f64 / 1e6;
        writeln!(f, "   restore                    {:.2} s/GB ({restored:.0} MB)", self.restore_seconds_per_gb)
    }
}
