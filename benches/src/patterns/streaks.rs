//! P2: a beginning, then any later events that go on, within two minutes: a loop under `followed_by_any`.

use hashbrown::HashMap;
use millstream::cep::Pattern;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;

use super::{Action, Kind, code};
use crate::Fingerprint;
use crate::tally::TallySink;

const WITHIN: Duration = Duration::from_secs(120);

#[inline(always)]
fn events(index: u64) -> Action {
    super::action(index, 77, 923)
}

/// A beginning, and what has come since.
struct Streak {
    begin: i64,
    steps: Vec<i64>,
}

/// The plain loop: a match for each beginning, each first step, and each later step as the last.
#[inline(never)]
pub(super) fn plain(count: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut open: HashMap<u64, Vec<Streak>> = HashMap::new();
    for event in (0..count).map(events) {
        let streaks = open.entry(event.user).or_default();
        streaks.retain(|streak| event.millis - streak.begin < WITHIN.as_millis() as i64);
        if event.kind == Kind::Begin {
            streaks.push(Streak { begin: event.millis, steps: Vec::new() });
            continue;
        }
        for Streak { begin, steps } in streaks {
            steps.push(event.millis);
            for (before, first) in steps.iter().enumerate() {
                fingerprint.add(code(*begin, *first, event.millis, steps.len() - before));
            }
        }
    }
    fingerprint
}

pub(super) fn job(count: u64) -> Result<Fingerprint> {
    let env = Environment::new("streaks");
    env.set_parallelism(1);
    let pattern = Pattern::begin("begin")
        .where_(|event: &Action| event.kind == Kind::Begin)
        .followed_by_any("steps")
        .where_(|event| event.kind == Kind::GoOn)
        .one_or_more()
        .within(WITHIN);
    let (sink, tally) = TallySink::new(|code: &u64| *code);
    env.source(GeneratorSource::new(count, events))
        .watermarks(WatermarkStrategy::monotonous().timestamps(|event: &Action| Timestamp::from_millis(event.millis)))
        .key_by(|event| &event.user)
        .pattern(pattern)
        .select(|found| {
            let (begin, steps) = (found.events("begin")[0], found.events("steps"));
            code(begin.millis, steps[0].millis, steps[steps.len() - 1].millis, steps.len())
        })
        .sink(sink);
    env.execute()?;
    Ok(tally.take())
}
