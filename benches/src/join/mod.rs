//! The workloads of the join benchmark.

mod events;
mod interval;
mod temporal;

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;

use crate::Fingerprint;
use crate::harness::Sides;

/// A workload of the join benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Join {
    /// Interval join, one second either side.
    J1,
    /// Temporal join, as many versions as records.
    J2,
}

impl Sides for Join {
    fn title(self) -> &'static str {
        match self {
            Self::J1 => "interval join, 1 s either side, 100k keys, 7.5 pairs per record",
            Self::J2 => "temporal join, 100k keys, a version per record",
        }
    }

    /// Of both inputs.
    fn records(self, scale: f64) -> u64 {
        ((4_000_000.0 * scale) as u64).next_multiple_of(2).max(2)
    }

    fn goal(self) -> Option<f64> {
        None
    }

    fn plain(self, records: u64) -> Result<Fingerprint> {
        Ok(match self {
            Self::J1 => interval::plain(records / 2),
            Self::J2 => temporal::plain(records / 2),
        })
    }

    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint> {
        match self {
            Self::J1 => interval::job(records / 2, parallelism),
            Self::J2 => temporal::job(records / 2, parallelism),
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
