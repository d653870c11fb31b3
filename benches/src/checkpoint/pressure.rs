//! How long checkpoints take behind a sink that is ten times slower than the source.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use millstream::checkpoint::Checkpointing;
use serde::Serialize;

use super::run::Run;
use super::{Samples, Scale};
use crate::input::below;

const KEYS: u64 = 100_000;
const CHECKPOINTS: u64 = 10;
/// Records per second.
const SOURCE_RATE: f64 = 1_000_000.0;
/// What the sink takes over a record: a tenth of the source's rate.
const DELAY: Duration = Duration::from_micros(10);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Durations of checkpoints under back-pressure.
#[derive(Debug, Clone, Serialize)]
pub struct PressureFigures {
    /// Barriers wait for the records before them.
    pub aligned: Samples,
    /// Barriers overtake.
    pub unaligned: Samples,
    /// Unaligned as a part of aligned, by the middle durations.
    pub ratio: f64,
}

pub(super) fn measure(scale: Scale) -> Result<PressureFigures> {
    let checkpoints = scale.of(CHECKPOINTS, 2);
    let aligned = durations(None, checkpoints)?;
    let unaligned = durations(Some(Duration::ZERO), checkpoints)?;
    Ok(PressureFigures { aligned, unaligned, ratio: unaligned.p50_millis / aligned.p50_millis })
}

fn durations(unaligned_after: Option<Duration>, checkpoints: u64) -> Result<Samples> {
    let directory = tempfile::tempdir()?;
    let checkpointing = Checkpointing::to(directory.path().display().to_string())
        .interval(Duration::from_secs(1))
        .timeout(TIMEOUT)
        .tolerable_failures(0)
        .unaligned_after(unaligned_after);
    let record = |index| (below(KEYS, index), 1);
    let run = Run { checkpointing: Some(checkpointing), rate: Some(SOURCE_RATE), delay: DELAY, ..Run::new(record) };
    // The first may come before the buffers are full.
    let run = run.until(|_, completed| completed > checkpoints)?;
    let durations = run.checkpoints.iter().skip(1).filter_map(|taken| taken.duration);
    Samples::of(durations).context("no checkpoint was completed behind the slow sink")
}

impl fmt::Display for PressureFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "back-pressure, a sink at a tenth of the source's speed")?;
        writeln!(f, "   aligned    {}", self.aligned)?;
        writeln!(f, "   unaligned  {}", self.unaligned)?;
        writeln!(f, "   unaligned/aligned  {:.3}   (goal: 0.2)", self.ratio)
    }
}
