//! W1: map, filter, map over integers. Three functions that cost almost nothing, so the engine's own cost shows.

use millstream::connector::GeneratorSource;
use millstream::prelude::*;

use crate::tally::TallySink;
use crate::{Fingerprint, opaque};

fn stretch(value: u64) -> u64 {
    opaque(value).wrapping_mul(31).wrapping_add(7)
}

fn is_kept(value: &u64) -> bool {
    opaque(*value & 3) != 0
}

fn fold(value: u64) -> u64 {
    let value = opaque(value);
    value ^ (value >> 7)
}

/// The plain loop; [`opaque`] keeps it scalar.
#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for index in 0..records {
        let value = stretch(index);
        if is_kept(&value) {
            fingerprint.add(fold(value));
        }
    }
    fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("chain");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(|value| *value);
    env.source(GeneratorSource::new(records, |index| index)).map(stretch).filter(is_kept).map(fold).sink(sink);
    env.execute()?;
    Ok(tally.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_emits_three_of_four() {
        assert_eq!(plain(1000).count, 750);
    }
}
