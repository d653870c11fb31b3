//! J2: gives each left event the last right one of its key that is not after it.

use hashbrown::HashMap;
use millstream::prelude::*;

use super::events::{Event, PER_MILLI, left, right, side};
use crate::Fingerprint;
use crate::tally::TallySink;

/// A number for a result. Which of several versions of one instant comes last is not told at two slots, so that all of them count
/// alike.
#[inline(always)]
fn code(event: &Event, version: &Event) -> u64 {
    event.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (version.millis as u64).rotate_left(32)
}

/// The plain loop. It relies on the order of the input, of which the sides take turns by the millisecond.
#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut versions: HashMap<u64, Event> = HashMap::new();
    for first in (0..records).step_by(PER_MILLI as usize) {
        let numbers = first..records.min(first + PER_MILLI);
        for version in numbers.clone().map(right) {
            versions.insert(version.key, version);
        }
        for event in numbers.map(left) {
            if let Some(version) = versions.get(&event.key) {
                fingerprint.add(code(&event, version));
            }
        }
    }
    fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("temporal join");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(|code: &u64| *code);
    let (lefts, rights) = (side(&env, records, left), side(&env, records, right));
    lefts.temporal_join(rights).apply(|event, version| code(&event, version)).sink(sink);
    env.execute()?;
    Ok(tally.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_finds_the_last_that_is_not_after() {
        let records = 3000;
        let mut expected = Fingerprint::default();
        for one in (0..records).map(left) {
            let mut versions =
                (0..records).map(right).filter(|other| other.key == one.key && other.millis <= one.millis);
            if let Some(version) = versions.next_back() {
                expected.add(code(&one, &version));
            }
        }
        assert_eq!(plain(records), expected);
        assert!(expected.count > 0);
    }
}
