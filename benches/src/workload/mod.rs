//! The workloads, one per file: each with its input, the user's functions, a plain loop and a job.

mod chain;
mod running_sum;
mod sessions;
mod sliding;
mod tumbling;
pub(crate) mod windows;
mod word_count;

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::Fingerprint;
use crate::harness::Sides;
use crate::input::WORDS_PER_LINE;

/// A workload of the micro benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// Map, filter, map over integers.
    W1,
    /// Running sum per key, every update emitted.
    W2,
    /// Tumbling count per key.
    W3,
    /// Word count over generated lines.
    W4,
    /// Sliding count per key.
    W5,
    /// Session count per key.
    W6,
}

impl Sides for Workload {
    fn title(self) -> &'static str {
        match self {
            Self::W1 => "map, filter, map over integers",
            Self::W2 => "running sum, 100k keys, every update emitted",
            Self::W3 => "tumbling 1 s count, 10k keys",
            Self::W4 => "word count over lines of ten words, 10k-word vocabulary",
            Self::W5 => "sliding 10 s / 1 s count, 10k keys",
            Self::W6 => "session count, 1 s gap, 10k keys",
        }
    }

    /// Words for the word count.
    fn records(self, scale: f64) -> u64 {
        let full = match self {
            Self::W1 => 50_000_000.0,
            _ => 20_000_000.0,
        };
        // Whole lines only.
        ((full * scale) as u64).next_multiple_of(WORDS_PER_LINE).max(WORDS_PER_LINE)
    }

    fn goal(self) -> Option<f64> {
        match self {
            Self::W1 => Some(0.4),
            Self::W2 | Self::W3 | Self::W4 => Some(0.5),
            Self::W5 | Self::W6 => None,
        }
    }

    fn plain(self, records: u64) -> Result<Fingerprint> {
        Ok(match self {
            Self::W1 => chain::plain(records),
            Self::W2 => running_sum::plain(records),
            Self::W3 => tumbling::plain(records),
            Self::W4 => word_count::plain(records / WORDS_PER_LINE),
            Self::W5 => sliding::plain(records),
            Self::W6 => sessions::plain(records),
        })
    }

    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint> {
        match self {
            Self::W1 => chain::job(records, parallelism),
            Self::W2 => running_sum::job(records, parallelism),
            Self::W3 => tumbling::job(records, parallelism),
            Self::W4 => word_count::job(records / WORDS_PER_LINE, parallelism),
            Self::W5 => sliding::job(records, parallelism),
            Self::W6 => sessions::job(records, parallelism),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
