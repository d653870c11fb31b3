//! Watermark alignment: splits that are far ahead in event time are not read until the others have caught up, so that
//! what waits for these does not pile up in state.
//!
//! The sources of a job join groups by name. Each member says how far its slowest split has come; the lowest of all is
//! how far the group has. It is advice, not order: a member acts on it when it next looks, and may have read on by then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Timestamp;

/// The groups of a job's attempt, by name.
#[derive(Debug, Default)]
pub(crate) struct AlignmentGroups(Mutex<BTreeMap<Arc<str>, Arc<Group>>>);

impl AlignmentGroups {
    /// Adds a member, which holds nobody back before it says how far it is.
    pub(crate) fn join(&self, name: &Arc<str>) -> Member {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = Arc::clone(groups.entry(Arc::clone(name)).or_default());
        let number = group.lock().next;
        group.lock().next += 1;
        Member { group, number }
    }
}

#[derive(Debug, Default)]
struct Group(Mutex<Members>);

#[derive(Debug, Default)]
struct Members {
    next: u64,
    lowest: BTreeMap<u64, Timestamp>,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source's subtask in its group, until dropped.
#[derive(Debug)]
pub(crate) struct Member {
    group: Arc<Group>,
    number: u64,
}

impl Member {
    /// Says how far its slowest split has come, `None` if it has none that anybody should wait for; answers how far the
    /// group has.
    pub(crate) fn report(&self, lowest: Option<Timestamp>) -> Option<Timestamp> {
        let mut members = self.group.lock();
        match lowest {
            Some(lowest) => members.lowest.insert(self.number, lowest),
            None => members.lowest.remove(&self.number),
        };
        members.lowest.values().min().copied()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.group.lock().lowest.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_as_far_as_its_slowest_member() {
        let groups = AlignmentGroups::default();
        let [a, b] = [(); 2].map(|()| groups.join(&"orders".into()));
        let other = groups.join(&"rates".into());
        let at = |millis| Some(Timestamp::from_millis(millis));
        assert_eq!(a.report(at(7)), at(7));
        assert_eq!(b.report(at(3)), at(3));
        assert_eq!(a.report(at(9)), at(3));
        assert_eq!(other.report(at(1)), at(1));
        assert_eq!(b.report(None), at(9));
        assert_eq!(b.report(at(4)), at(4));
        drop(b);
        assert_eq!(a.report(at(9)), at(9));
    }
}
