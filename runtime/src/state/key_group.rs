//! The unit in which keyed state moves between subtasks.

#[cfg(feature = "rocksdb")]
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::StateError;

/// The number of a key group, below the job's max parallelism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyGroup(pub u16);

/// Most key groups a job can have.
pub(crate) const MAX_KEY_GROUPS: usize = 1 << 15;
/// Key groups of a job that does not say.
pub(crate) const DEFAULT_KEY_GROUPS: usize = 128;

impl KeyGroup {
    /// The key group of a key with this hash; uses the hash's top bits.
    #[inline]
    pub fn of_hash(hash: u64, max_parallelism: usize) -> Self {
        Self((((hash >> 32) * max_parallelism as u64) >> 32) as u16)
    }

    /// The subtask that owns this key group.
    #[inline]
    pub fn owner(self, parallelism: usize, max_parallelism: usize) -> usize {
        usize::from(self.0) * parallelism / max_parallelism
    }
}

/// A range of key groups: those of one subtask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyGroups {
    first: u32,
    end: u32,
    max_parallelism: usize,
}

impl KeyGroups {
    /// The key groups that a subtask owns.
    pub fn of_subtask(subtask: usize, parallelism: usize, max_parallelism: usize) -> Self {
        let first_of = |subtask: usize| (subtask * max_parallelism).div_ceil(parallelism) as u32;
        Self { first: first_of(subtask), end: first_of(subtask + 1), max_parallelism }
    }

    /// Their numbers.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn range(&self) -> Range<u16> {
        self.first as u16..self.end as u16
    }

    /// Whether there are key groups that are of these and of the others.
    pub(crate) fn overlaps(&self, others: Self) -> bool {
        self.first < others.end && others.first < self.end
    }

    /// Whether the key group is one of these.
    pub fn contains(&self, group: KeyGroup) -> bool {
        (self.first..self.end).contains(&u32::from(group.0))
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = KeyGroup> + use<> {
        (self.first..self.end).map(|group| KeyGroup(group as u16))
    }

    /// The place of a key group that is one of these among them.
    pub(crate) fn place_of(&self, group: KeyGroup) -> usize {
        usize::from(group.0) - self.first as usize
    }

    /// The key group of a hash, whether it is one of these or not.
    #[inline]
    pub fn group_of(&self, hash: u64) -> KeyGroup {
        KeyGroup::of_hash(hash, self.max_parallelism)
    }

    /// Checks that a key found in `group` belongs there by its hash.
    pub(crate) fn check(&self, group: KeyGroup, hash: u64) -> Result<(), StateError> {
        let expected = self.group_of(hash);
        if expected == group {
            return Ok(());
        }
        Err(StateError::ForeignKey { operator: None, found: group.0, expected: expected.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_group_has_one_owner() {
        for max_parallelism in [1, 2, 7, 128, 1000] {
            for parallelism in 1..=max_parallelism.min(40) {
                for group in (0..max_parallelism as u16).map(KeyGroup) {
                    let owners: Vec<usize> = (0..parallelism)
                        .filter(|&subtask| KeyGroups::of_subtask(subtask, parallelism, max_parallelism).contains(group))
                        .collect();
                    assert_eq!(owners, [group.owner(parallelism, max_parallelism)]);
                }
            }
        }
    }

    #[test]
    fn a_hash_falls_into_a_valid_group() {
        for hash in [0, 1, u64::MAX, u64::MAX / 2] {
            assert!(usize::from(KeyGroup::of_hash(hash, 128).0) < 128);
        }
        assert_eq!(KeyGroup::of_hash(u64::MAX, 128), KeyGroup(127));
    }
}
