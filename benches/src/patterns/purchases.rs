//! P1: a login, then a purchase, within ten minutes.

use hashbrown::HashMap;
use millstream::cep::Pattern;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;

use super::{Action, Kind, code};
use crate::Fingerprint;
use crate::tally::TallySink;

const WITHIN: Duration = Duration::from_secs(600);

#[inline(always)]
fn events(index: u64) -> Action {
    super::action(index, 50, 50)
}

/// The plain loop: the logins of each user that no purchase has followed.
#[inline(never)]
pub(super) fn plain(count: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut open: HashMap<u64, Vec<i64>> = HashMap::new();
    for event in (0..count).map(events) {
        match event.kind {
            Kind::Begin => open.entry(event.user).or_default().push(event.millis),
            Kind::GoOn => {
                if let Some(logins) = open.get_mut(&event.user) {
                    for login in logins.drain(..).filter(|login| event.millis - login < WITHIN.as_millis() as i64) {
                        fingerprint.add(code(login, event.millis, event.millis, 2));
                    }
                }
            }
            Kind::Other => {}
        }
    }
    fingerprint
}

pub(super) fn job(count: u64) -> Result<Fingerprint> {
    let env = Environment::new("purchases");
    env.set_parallelism(1);
    let pattern = Pattern::begin("login")
        .where_(|event: &Action| event.kind == Kind::Begin)
        .followed_by("purchase")
        .where_(|event| event.kind == Kind::GoOn)
        .within(WITHIN);
    let (sink, tally) = TallySink::new(|&(login, purchase): &(i64, i64)| code(login, purchase, purchase, 2));
    env.source(GeneratorSource::new(count, events))
        .watermarks(WatermarkStrategy::monotonous().timestamps(|event: &Action| Timestamp::from_millis(event.millis)))
        .key_by(|event| &event.user)
        .pattern(pattern)
        .select(|found| (found.events("login")[0].millis, found.events("purchase")[0].millis))
        .sink(sink);
    env.execute()?;
    Ok(tally.take())
}
