//! Runs the sides of a workload in turn, and compares what they emit.

use std::fmt;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::Fingerprint;
use crate::statistics::Spread;

/// The parallelism of the engine's two sides.
const PARALLELISM: [usize; 2] = [1, 2];

/// A workload: a plain loop and a job that emit the same.
pub trait Sides: Copy + fmt::Display {
    /// What it does.
    fn title(self) -> &'static str;

    /// The records of a run at this scale.
    fn records(self, scale: f64) -> u64;

    /// What part of the loop's rate the engine is meant to reach with one slot.
    fn goal(self) -> Option<f64>;

    /// Makes what both sides read, before any of them runs.
    fn prepare(self, _records: u64) -> Result<()> {
        Ok(())
    }

    /// Runs the plain loop.
    fn plain(self, records: u64) -> Result<Fingerprint>;

    /// Runs the job.
    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint>;
}

/// How much to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often each side runs.
    pub runs: usize,
    /// What part of each workload's records to use.
    pub scale: f64,
}

/// A workload's figures. Rates are in million records per second; ratios are taken within each round, in which the
/// sides run one right after the other, so that a machine whose speed drifts does not skew them.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The workload.
    pub workload: String,
    /// What it does.
    pub title: &'static str,
    /// Records in each run.
    pub records: u64,
    /// Rate of the plain loop.
    pub plain: Spread,
    /// Rate of the engine with one slot.
    pub p1: Spread,
    /// Rate of the engine with two slots.
    pub p2: Spread,
    /// `p1 / plain`.
    pub p1_to_plain: Spread,
    /// `p2 / plain`.
    pub p2_to_plain: Spread,
    /// `p2 / p1`.
    pub p2_to_p1: Spread,
    /// What `p1_to_plain` is meant to reach.
    pub goal: Option<f64>,
}

/// The rates of one round.
struct Round {
    plain: f64,
    p1: f64,
    p2: f64,
}

/// Runs a workload as often as planned.
///
/// Fails if a job fails, or emits something other than the loop.
pub fn measure(workload: impl Sides, plan: Plan) -> Result<Figures> {
    ensure!(plan.runs > 0, "nothing to measure in 0 runs");
    ensure!(plan.scale > 0.0 && plan.scale.is_finite(), "the scale must be above 0, but is {}", plan.scale);
    let records = workload.records(plan.scale);
    workload.prepare(records)?;
    let rounds = (0..plan.runs).map(|_| round(workload, records)).collect::<Result<Vec<Round>>>()?;
    let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure)).context("no rounds");
    Ok(Figures {
        workload: workload.to_string(),
        title: workload.title(),
        records,
        plain: spread(|round| round.plain)?,
        p1: spread(|round| round.p1)?,
        p2: spread(|round| round.p2)?,
        p1_to_plain: spread(|round| round.p1 / round.plain)?,
        p2_to_plain: spread(|round| round.p2 / round.plain)?,
        p2_to_p1: spread(|round| round.p2 / round.p1)?,
        goal: workload.goal(),
    })
}

fn round(workload: impl Sides, records: u64) -> Result<Round> {
    let (plain, expected) = timed(records, || workload.plain(records))?;
    let mut rates = [0.0; PARALLELISM.len()];
    for (rate, parallelism) in rates.iter_mut().zip(PARALLELISM) {
        let (measured, found) = timed(records, || workload.job(records, parallelism))
            .with_context(|| format!("{workload} at parallelism {parallelism}"))?;
        ensure!(
            found == expected,
            "{workload} at parallelism {parallelism} emits {found}, but the plain loop {expected}"
        );
        *rate = measured;
    }
    Ok(Round { plain, p1: rates[0], p2: rates[1] })
}

/// The rate at which `run` works, in million records per second, and what it emits.
fn timed(records: u64, run: impl FnOnce() -> Result<Fingerprint>) -> Result<(f64, Fingerprint)> {
    let start = Instant::now();
    let fingerprint = run()?;
    Ok((records as f64 / start.elapsed().as_secs_f64() / 1e6, fingerprint))
}
