//! What checkpoints cost: pauses, throughput, and their duration under back-pressure.
//!
//! All jobs are a keyed sum at parallelism 1 whose sink notes when each batch comes. A **gap** is the time between two batches
//! there, so it holds everything that may hold up a record: freezing, copying what is frozen, and the machine.

mod beat;
mod cost;
mod heap;
mod pressure;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod run;
mod samples;

use std::fmt;

use serde::Serialize;

pub use cost::CostFigures;
pub use heap::{Gaps, HeapFigures};
pub use pressure::PressureFigures;
#[cfg(feature = "rocksdb")]
pub use rocksdb::RocksDbFigures;
pub use samples::Samples;

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Pauses and throughput around barriers, with 1M and 10M keys on the heap.
    Heap,
    /// The running sum with a checkpoint every second against one without checkpoints.
    Cost,
    /// Durations of checkpoints behind a slow sink, aligned and unaligned.
    Pressure,
    /// Pauses, throughput, uploads and restores with 10M keys in RocksDB.
    #[cfg(feature = "rocksdb")]
    Rocksdb,
}

/// How much to measure: 1 for the figures that count, less for a smoke test.
#[derive(Debug, Clone, Copy)]
pub struct Scale(pub f64);

impl Scale {
    fn of(self, full: u64, least: u64) -> u64 {
        ((full as f64 * self.0) as u64).max(least)
    }
}

/// The figures of one part.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figures {
    /// Of [`Part::Heap`].
    Heap(Vec<HeapFigures>),
    /// Of [`Part::Cost`].
    Cost(CostFigures),
    /// Of [`Part::Pressure`].
    Pressure(PressureFigures),
    /// Of [`Part::Rocksdb`].
    #[cfg(feature = "rocksdb")]
    Rocksdb(RocksDbFigures),
}

/// Measures a part.
///
/// Fails if a job or a checkpoint does.
pub fn measure(part: Part, scale: Scale) -> anyhow::Result<Figures> {
    Ok(match part {
        Part::Heap => Figures::Heap(heap::measure(scale)?),
        Part::Cost => Figures::Cost(cost::measure(scale)?),
        Part::Pressure => Figures::Pressure(pressure::measure(scale)?),
        #[cfg(feature = "rocksdb")]
        Part::Rocksdb => Figures::Rocksdb(rocksdb::measure(scale)?),
    })
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heap(sizes) => sizes.iter().try_for_each(|figures| figures.fmt(f)),
            Self::Cost(figures) => figures.fmt(f),
            Self::Pressure(figures) => figures.fmt(f),
            #[cfg(feature = "rocksdb")]
            Self::Rocksdb(figures) => figures.fmt(f),
        }
    }
}
