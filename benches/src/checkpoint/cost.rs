//! What a checkpoint every second costs a running sum over 100,000 keys.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use millstream::checkpoint::Checkpointing;
use serde::Serialize;

use super::Scale;
use super::run::{Outcome, Run};
use crate::input::below;
use crate::statistics::Spread;

const KEYS: u64 = 100_000;
/// Each round runs without checkpoints, then with them.
const ROUNDS: u64 = 3;
const SECONDS: u64 = 20;
const INTERVAL: Duration = Duration::from_secs(1);
/// What a run needs to begin.
const WARM_UP: Duration = Duration::from_millis(500);

/// The running sum with and without checkpoints.
#[derive(Debug, Clone, Serialize)]
pub struct CostFigures {
    /// Million records per second without checkpoints.
    pub without: Spread,
    /// Million records per second with a checkpoint every second.
    pub with: Spread,
    /// The part of the rate that checkpoints cost, within each round.
    pub cost: Spread,
    /// The fewest checkpoints that were completed in a run.
    pub completed: usize,
}

pub(super) fn measure(scale: Scale) -> Result<CostFigures> {
    let (rounds, seconds) = (scale.of(ROUNDS, 1), Duration::from_secs(scale.of(SECONDS, 2)));
    let (mut without, mut with, mut completed) = (Vec::new(), Vec::new(), usize::MAX);
    for _ in 0..rounds {
        without.push(rate(&running_sum(None, seconds)?));
        let directory = tempfile::tempdir()?;
        let every_second = Checkpointing::to(directory.path().display().to_string()).interval(INTERVAL);
        let checkpointed = running_sum(Some(every_second), seconds)?;
        with.push(rate(&checkpointed));
        completed = completed.min(checkpointed.checkpoints.len());
    }
    let costs = without.iter().zip(&with).map(|(without, with)| 1.0 - with / without);
    let spread = |rates: &[f64]| Spread::of(rates.iter().copied()).context("no rounds");
    let cost = Spread::of(costs).context("no rounds")?;
    Ok(CostFigures { without: spread(&without)?, with: spread(&with)?, cost, completed })
}

fn running_sum(checkpointing: Option<Checkpointing>, time: Duration) -> Result<Outcome> {
    let record = |index| {
        let key = below(KEYS, index);
        (key, key % 7 + 1)
    };
    Run { checkpointing, ..Run::new(record) }.until(|elapsed, _| elapsed >= time)
}

fn rate(run: &Outcome) -> f64 {
    run.rate(WARM_UP, run.end()) / 1e6
}

impl fmt::Display for CostFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |rate: Spread| format!("{:.1} ({:.1}..{:.1})", rate.median, rate.min, rate.max);
        writeln!(f, "running sum, 0.1M keys, a checkpoint every second")?;
        writeln!(f, "   M records/s   without {}   with {}", rate(self.without), rate(self.with))?;
        let Spread { median, min, max } = self.cost;
        writeln!(f, "   cost          {median:.3} ({min:.3}..{max:.3})   (goal: below 0.1)")?;
        writeln!(f, "   completed     {} in the run with the fewest   (goal: 10)", self.completed)
    }
}
