//! The events of both sides, and the number that stands for a pair of them.

use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use serde::{Deserialize, Serialize};

use crate::input::below;

const KEYS: u64 = 100_000;
/// So many events of either side in a millisecond let each event meet 15 of the other side within a second either way.
pub(super) const PER_MILLI: u64 = 750;

/// An event of either side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) key: u64,
    pub(super) number: u64,
    pub(super) millis: i64,
}

#[inline(always)]
pub(super) fn left(number: u64) -> Event {
    Event { key: below(KEYS, 2 * number), number, millis: (number / PER_MILLI) as i64 }
}

#[inline(always)]
pub(super) fn right(number: u64) -> Event {
    Event { key: below(KEYS, 2 * number + 1), number, millis: (number / PER_MILLI) as i64 }
}

/// A number for a pair, so that a wrong one changes the fingerprint.
#[inline(always)]
pub(super) fn pair_code(left: &Event, right: &Event) -> u64 {
    left.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ right.number.rotate_left(32)
}

/// The first so many events of a side by key, in order of time.
pub(super) fn side(env: &Environment, records: u64, event: fn(u64) -> Event) -> KeyedStream<u64, Event> {
    let in_order = WatermarkStrategy::monotonous().timestamps(|event: &Event| Timestamp::from_millis(event.millis));
    env.source(GeneratorSource::new(records, event)).watermarks(in_order).key_by(|event| &event.key)
}
