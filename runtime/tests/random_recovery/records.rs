//! What the sources give: records are numbers, and everything about one follows from it.

use millstream::connector::{GeneratorSource, RateLimited};
use millstream::prelude::*;

/// How many records a source gives.
pub(crate) const RECORDS: u64 = 2500;
const KEYS: u64 = 23;
/// So many records of a key follow one another, and then it is silent for a while.
const BURST: u64 = 8;
/// How far event times are out of order.
pub(crate) const DISORDER_MILLIS: i64 = 30;

pub(crate) fn key(number: u64) -> u64 {
    number / BURST % KEYS
}

pub(crate) fn millis(number: u64) -> i64 {
    let jitter = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    10 * number as i64 + jitter as i64 % DISORDER_MILLIS
}

/// All records, slowly enough for some checkpoints.
pub(crate) fn source() -> RateLimited<GeneratorSource<u64>> {
    GeneratorSource::new(RECORDS, |number| number).rate(25_000.0)
}

/// Watermarks after which no record comes that is more than so much too late.
pub(crate) fn watermarks(lateness_millis: i64) -> WatermarkStrategy<u64> {
    let bound = Duration::from_millis((DISORDER_MILLIS - lateness_millis) as u64);
    let strategy = WatermarkStrategy::bounded_out_of_orderness(bound).interval(Duration::from_millis(1));
    strategy.timestamps(|number| Timestamp::from_millis(millis(*number)))
}
