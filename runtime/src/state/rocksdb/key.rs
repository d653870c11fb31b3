//! Keys as they stand in a database: the key group, big endian, then the user's key as MessagePack.
//!
//! So rows are ordered by key group, and the rows of a subtask are one range.

use crate::state::{KeyGroup, KeyGroups};

const PREFIX: usize = size_of::<u16>();

/// Makes `to` the key that stands in a database for a user's key in MessagePack.
pub(super) fn join_key(group: KeyGroup, key: &[u8], to: &mut Vec<u8>) {
    to.clear();
    to.extend(group.0.to_be_bytes());
    to.extend_from_slice(key);
}

/// A key's group, and the user's key as MessagePack.
pub(super) fn split_key(key: &[u8]) -> Option<(KeyGroup, &[u8])> {
    let (group, key) = key.split_first_chunk::<PREFIX>()?;
    Some((KeyGroup(u16::from_be_bytes(*group)), key))
}

/// The first key that can be of one of the key groups, and the first that is above all of theirs.
pub(super) fn bounds(groups: KeyGroups) -> (Vec<u8>, Vec<u8>) {
    let range = groups.range();
    (range.start.to_be_bytes().to_vec(), range.end.to_be_bytes().to_vec())
}
