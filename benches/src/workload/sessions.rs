//! W6: how many events each session of 10,000 keys has; a second of silence ends a session.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::window;

use super::windows::{window_code, window_job};
use crate::Fingerprint;
use crate::input::burst;

const GAP_MILLIS: i64 = 1000;

/// The open session of a key.
struct Session {
    start: i64,
    /// The last event.
    last: i64,
    count: u64,
}

impl Session {
    fn code(&self, key: u64) -> u64 {
        window_code(key, self.start, self.last + GAP_MILLIS, self.count)
    }
}

/// The plain loop. It relies on the order of the input: a session ends when the key's next event is too late for it,
/// or with the input.
#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut sessions: HashMap<u64, Session> = HashMap::new();
    for index in 0..records {
        let event = burst(index);
        match sessions.entry(event.key) {
            Entry::Occupied(entry) => {
                let session = entry.into_mut();
                // Sessions that touch are one.
                if event.millis > session.last + GAP_MILLIS {
                    fingerprint.add(session.code(event.key));
                    *session = Session { start: event.millis, last: event.millis, count: 0 };
                }
                session.last = event.millis;
                session.count += 1;
            }
            Entry::Vacant(entry) => {
                entry.insert(Session { start: event.millis, last: event.millis, count: 1 });
            }
        }
    }
    for (key, session) in sessions {
        fingerprint.add(session.code(key));
    }
    fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    window_job(
        "sessions",
        GeneratorSource::new(records, burst),
        window::Session::gap(Duration::from_secs(1)),
        parallelism,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_loop_finds_the_sessions_of_each_key_s_sorted_events() {
        let records = 6_000_000;
        let mut times: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for event in (0..records).map(burst) {
            times.entry(event.key).or_default().push(event.millis);
        }
        let mut expected = Fingerprint::default();
        for (key, times) in times {
            for session in times.chunk_by(|earlier, later| later - earlier <= GAP_MILLIS) {
                let (start, last) = (session[0], session[session.len() - 1]);
                expected.add(window_code(key, start, last + GAP_MILLIS, session.len() as u64));
            }
        }
        assert!(2 * expected.count > 3 * crate::input::WINDOW_KEYS);
        assert_eq!(plain(records), expected);
    }
}
