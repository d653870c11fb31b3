//! W3: how many events each of 10,000 keys has in each second.

use hashbrown::HashMap;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::window::Tumbling;

use super::windows::{window_code, window_job};
use crate::Fingerprint;
use crate::input::event;

const SECOND_MILLIS: i64 = 1000;

/// The plain loop. It relies on the order of the input: one table, emptied at the end of each window.
#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
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

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    window_job("tumbling", GeneratorSource::new(records, event), Tumbling::of(Duration::from_secs(1)), parallelism)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_loop_counts_like_one_table_by_window_and_key() {
        let records = 2_500_000;
        let mut counts: BTreeMap<(i64, u64), u64> = BTreeMap::new();
        for event in (0..records).map(event) {
            *counts.entry((event.millis / SECOND_MILLIS * SECOND_MILLIS, event.key)).or_default() += 1;
        }
        let mut expected = Fingerprint::default();
        for ((start, key), count) in counts {
            expected.add(window_code(key, start, start + SECOND_MILLIS, count));
        }
        assert_eq!(plain(records), expected);
    }
}
