//! The workloads of the skew benchmark: a count per key and second, where few keys have most of the events.
//!
//! All of them count the same; they differ in how the job adds up.

use std::fmt;
use std::sync::LazyLock;

use anyhow::Result;
use clap::ValueEnum;
use hashbrown::HashMap;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::window::Tumbling;

use crate::Fingerprint;
use crate::harness::Sides;
use crate::input::{Event, RECORDS_PER_SECOND, scatter};
use crate::tally::TallySink;
use crate::workload::windows::{Count, WindowCount, window_code};

const KEYS: u32 = 10_000;
/// Zipf's exponent: the first key has three tenths of the events.
const EXPONENT: f64 = 1.5;
const SECOND_MILLIS: i64 = 1000;

/// A workload of the skew benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Skew {
    /// In one step.
    S1,
    /// Locally before the exchange, then by key.
    S2,
    /// By salted key, then by key.
    S3,
}

impl Sides for Skew {
    fn title(self) -> &'static str {
        match self {
            Self::S1 => "tumbling 1 s count, Zipf 1.5 over 10k keys, in one step",
            Self::S2 => "tumbling 1 s count, Zipf 1.5 over 10k keys, local aggregation first",
            Self::S3 => "tumbling 1 s count, Zipf 1.5 over 10k keys, salted keys first",
        }
    }

    fn records(self, scale: f64) -> u64 {
        ((20_000_000.0 * scale) as u64).max(1)
    }

    fn goal(self) -> Option<f64> {
        None
    }

    fn plain(self, records: u64) -> Result<Fingerprint> {
        Ok(plain(records))
    }

    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint> {
        let env = Environment::new("skew");
        env.set_parallelism(parallelism);
        let in_order = WatermarkStrategy::monotonous().timestamps(|event: &Event| Timestamp::from_millis(event.millis));
        let (sink, tally) =
            TallySink::new(|&(key, start, end, count): &WindowCount| window_code(key, start, end, count));
        let events = env.source(GeneratorSource::new(records, event)).watermarks(in_order).key_by(|event| &event.key);
        let second = Tumbling::of(Duration::from_millis(SECOND_MILLIS as u64));
        let emit = |key: &u64, window: &mut WindowContext<'_>, count, out: &mut Collector<WindowCount>| {
            out.emit((*key, window.start().as_millis(), window.end().as_millis(), count));
        };
        let counts = match self {
            Self::S1 => events.window(second).aggregate_with(Count, emit),
            Self::S2 => events.local_aggregation().window(second).aggregate_with(Count, emit),
            Self::S3 => events.local_aggregation().salted(2).window(second).aggregate_with(Count, emit),
        };
        counts.sink(sink);
        env.execute()?;
        Ok(tally.take())
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Keys by quantile.
static QUANTILES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let count = 1 << 16;
    let tail = f64::from(KEYS).powf(1.0 - EXPONENT);
    let key = |quantile: u32| {
        let share = f64::from(quantile) / f64::from(count);
        (1.0 - share * (1.0 - tail)).powf(1.0 / (1.0 - EXPONENT)) as u32
    };
    (0..count).map(key).collect()
});

#[inline(always)]
fn event(index: u64) -> Event {
    let key = QUANTILES[(scatter(index) >> 48) as usize];
    Event { key: key.into(), millis: (index / (RECORDS_PER_SECOND / 1000)) as i64 }
}

/// The plain loop. It relies on the order of the input: one table, emptied at the end of each window.
#[inline(never)]
fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut counts: HashMap<u64, u64> = HashMap::new();
    let mut start = 0;
    let mut fire = |start: i64, counts: &mut HashMap<u64, u64>| {
        for (key, count) in counts.drain() {
            fingerprint.add(window_code(key, start, start + SECOND_MILLIS, count));
        }
    };
    for index in 0..records {
        let event = event(index);
        if event.millis >= start + SECOND_MILLIS {
            fire(start, &mut counts);
            start = event.millis - event.millis % SECOND_MILLIS;
        }
        *counts.entry(event.key).or_insert(0) += 1;
    }
    fire(start, &mut counts);
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_has_three_tenths_of_the_events() {
        let first = (0..100_000).filter(|index| event(*index).key == 1).count();
        assert!((28_000..31_000).contains(&first), "{first}");
        assert!((0..100_000).all(|index| (1..=u64::from(KEYS)).contains(&event(index).key)));
    }
}
