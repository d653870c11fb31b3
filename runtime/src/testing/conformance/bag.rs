//! Compares records without regard to their order.

use std::collections::HashMap;
use std::fmt::Debug;

use crate::data::Data;

/// How many differences a message shows.
const SHOWN: usize = 5;

/// Panics unless both hold the same records, each as often.
#[track_caller]
pub(super) fn assert_same<T: Data + Debug>(found: &[T], expected: &[T], when: &str) {
    let mut balance: HashMap<Vec<u8>, i64> = HashMap::new();
    for value in expected {
        *balance.entry(bytes(value)).or_default() += 1;
    }
    let extra = shown(found.iter().filter(|value| {
        let count = balance.entry(bytes(*value)).or_default();
        *count -= 1;
        *count < 0
    }));
    let missing = shown(expected.iter().filter(|value| balance.get(&bytes(*value)).is_some_and(|count| *count > 0)));
    assert!(
        extra.is_empty() && missing.is_empty(),
        "{when}: {} records instead of {}; lost: {missing:?}; repeated or unknown: {extra:?}",
        found.len(),
        expected.len(),
    );
}

fn shown<'a, T: 'a>(values: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    // Not `take`: the rest must be looked at, too.
    values.enumerate().filter(|(index, _)| *index < SHOWN).map(|(_, value)| value).collect()
}

fn bytes<T: Data>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap_or_else(|error| panic!("a record cannot be serialized: {error}"))
}
