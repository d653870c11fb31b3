//! W2: a running sum per key over 100,000 keys, every update emitted.

use hashbrown::HashMap;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;

use crate::Fingerprint;
use crate::input::below;
use crate::tally::TallySink;

const KEYS: u64 = 100_000;

/// An amount for a key. All amounts of a key are equal: so the sums that are emitted do not depend on the order in
/// which two sources' records of a key meet.
#[inline(always)]
fn payment(index: u64) -> (u64, u64) {
    let key = below(KEYS, index);
    (key, key % 7 + 1)
}

#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    let mut sums: HashMap<u64, u64> = HashMap::new();
    for index in 0..records {
        let (key, amount) = payment(index);
        let sum = sums.entry(key).or_insert(0);
        *sum += amount;
        fingerprint.add(std::hint::black_box(*sum));
    }
    fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("running sum");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(|(_, sum)| *sum);
    env.source(GeneratorSource::new(records, payment)).key_by(|payment| &payment.0).sum(|payment| payment.1).sink(sink);
    env.execute()?;
    Ok(tally.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_emits_every_sum() {
        let mut expected = Fingerprint::default();
        for last in 0..500 {
            let (key, _) = payment(last);
            expected.add((0..=last).map(payment).filter(|paid| paid.0 == key).map(|paid| paid.1).sum());
        }
        assert_eq!(plain(500), expected);
    }
}
