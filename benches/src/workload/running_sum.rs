//! W2: a running sum per key over 100,000 keys, every update emitted.

use hashbrown::HashMap;

use crate::Fingerprint;
use crate::input::below;

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
