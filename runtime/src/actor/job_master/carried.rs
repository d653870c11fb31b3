//! Output that was prepared for a snapshot which does not commit it, and so belongs to a later one.

use crate::checkpoint::CheckpointId;
use crate::task::AnyCommittables;

struct Entry {
    /// It was written before the barrier of this snapshot.
    before: CheckpointId,
    /// The lowest barrier before which any of it was written.
    oldest: CheckpointId,
    prepared: AnyCommittables,
    /// Whether a pointer that describes it may have been written.
    is_described: bool,
}

/// What is carried over from snapshots that failed, and from savepoints.
#[derive(Default)]
pub(super) struct Carried {
    entries: Vec<Entry>,
}

impl Carried {
    /// Carries over what was prepared for a snapshot, some of it before the barrier `oldest`. Where a pointer may describe it,
    /// it is not to be removed.
    pub(super) fn add(
        &mut self,
        before: CheckpointId,
        oldest: CheckpointId,
        prepared: Vec<AnyCommittables>,
        is_described: bool,
    ) {
        self.entries.extend(prepared.into_iter().map(|prepared| Entry { before, oldest, prepared, is_described }));
    }

    /// The lowest barrier before which anything was written that a snapshot commits, be it its own.
    pub(super) fn oldest_before(&self, id: CheckpointId) -> CheckpointId {
        let earlier = self.entries.iter().filter(|entry| entry.before < id);
        earlier.map(|entry| entry.oldest).min().unwrap_or(id)
    }

    /// Takes out what a snapshot commits: not what was written after its barrier, which sources would give again.
    pub(super) fn take_before(&mut self, id: CheckpointId) -> impl Iterator<Item = AnyCommittables> + '_ {
        self.entries.extract_if(.., move |entry| entry.before < id).map(|entry| entry.prepared)
    }

    /// What no snapshot describes, to be removed when the attempt has failed.
    pub(super) fn removable(self) -> Vec<AnyCommittables> {
        self.entries.into_iter().filter(|entry| !entry.is_described).map(|entry| entry.prepared).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(number: u8) -> Vec<AnyCommittables> {
        vec![AnyCommittables { sink: 0, committables: vec![vec![number]] }]
    }

    fn numbers(prepared: impl IntoIterator<Item = AnyCommittables>) -> Vec<u8> {
        prepared.into_iter().flat_map(|prepared| prepared.committables.concat()).collect()
    }

    #[test]
    fn output_from_behind_the_barrier_waits_for_a_later_snapshot() {
        let mut carried = Carried::default();
        carried.add(CheckpointId(2), CheckpointId(2), output(2), false);
        carried.add(CheckpointId(4), CheckpointId(4), output(4), false);
        assert_eq!(numbers(carried.take_before(CheckpointId(3))), [2]);
        assert!(numbers(carried.take_before(CheckpointId(3))).is_empty());
        assert_eq!(numbers(carried.take_before(CheckpointId(5))), [4]);
    }

    #[test]
    fn output_that_is_carried_over_twice_is_as_old_as_it_was() {
        let mut carried = Carried::default();
        assert_eq!(carried.oldest_before(CheckpointId(5)), CheckpointId(5));
        carried.add(CheckpointId(4), CheckpointId(2), output(2), true);
        assert_eq!(carried.oldest_before(CheckpointId(5)), CheckpointId(2));
        assert_eq!(carried.oldest_before(CheckpointId(3)), CheckpointId(3));
    }

    #[test]
    fn what_a_pointer_may_describe_is_not_removed() {
        let mut carried = Carried::default();
        carried.add(CheckpointId(1), CheckpointId(1), output(1), true);
        carried.add(CheckpointId(2), CheckpointId(2), output(2), false);
        assert_eq!(numbers(carried.removable()), [2]);
    }
}
