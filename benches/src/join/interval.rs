//! J1: pairs the events of a key that are at most a second apart.

use std::collections::VecDeque;

use hashbrown::HashMap;
use millstream::join::Offset::{After, Before};
use millstream::prelude::*;

use super::events::{Event, left, pair_code, right, side};
use crate::Fingerprint;
use crate::tally::TallySink;

const SECOND_MILLIS: i64 = 1000;

/// The plain loop. It relies on the order of the input, of which the sides take turns.
#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut keys: HashMap<u64, [VecDeque<Event>; 2]> = HashMap::new();
    let forget = |events: &mut VecDeque<Event>, millis: i64| {
        while events.front().is_some_and(|event| event.millis < millis - SECOND_MILLIS) {
            events.pop_front();
        }
    };
    for number in 0..records {
        let event = left(number);
        let [lefts, rights] = keys.entry(event.key).or_default();
        forget(rights, event.millis);
        rights.iter().for_each(|right| fingerprint.add(pair_code(&event, right)));
        lefts.push_back(event);
        let event = right(number);
        let [lefts, rights] = keys.entry(event.key).or_default();
        forget(lefts, event.millis);
        lefts.iter().for_each(|left| fingerprint.add(pair_code(left, &event)));
        rights.push_back(event);
    }
    fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("interval join");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(|code: &u64| *code);
    let second = Duration::from_millis(SECOND_MILLIS as u64);
    let (lefts, rights) = (side(&env, records, left), side(&env, records, right));
    lefts.interval_join(rights).between(Before(second), After(second)).apply(pair_code).sink(sink);
    env.execute()?;
    Ok(tally.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_pairs_all_that_are_close() {
        // Few events, so that all are close; the keys are many.
        let records = 3000;
        let mut expected = Fingerprint::default();
        for one in (0..records).map(left) {
            for other in (0..records).map(right).filter(|other| other.key == one.key) {
                expected.add(pair_code(&one, &other));
            }
        }
        assert_eq!(plain(records), expected);
        assert!(expected.count > 0);
    }
}
