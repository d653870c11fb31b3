//! Timers per key, in event time and in processing time.

use imbl::OrdMap;
use smallvec::SmallVec;

use super::snapshot::{KeyedEntries, decode, encode};
use super::{KeyGroups, OperatorCapture, OperatorSnapshot, StateError};
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::time::Timestamp;

/// The timers of one kind, ordered by instant. A key has at most one timer per instant.
///
/// The map is persistent, so that a snapshot takes a version of it whatever its size.
#[derive(Debug)]
pub(crate) struct TimerQueue<K> {
    /// Ordered by hash within an instant, so that firing order does not depend on the order of setting.
    queue: OrdMap<(Timestamp, u64), SmallVec<[K; 1]>>,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        Self { queue: OrdMap::new() }
    }
}

impl<K: Key> TimerQueue<K> {
    pub(crate) fn set(&mut self, at: Timestamp, hash: u64, key: &K) {
        let keys = self.queue.entry((at, hash)).or_default();
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }

    pub(crate) fn delete(&mut self, at: Timestamp, hash: u64, key: &K) {
        if let Some(keys) = self.queue.get_mut(&(at, hash)) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.queue.remove(&(at, hash));
            }
        }
    }

    pub(crate) fn contains(&self, at: Timestamp, hash: u64, key: &K) -> bool {
        self.queue.get(&(at, hash)).is_some_and(|keys| keys.contains(key))
    }

    /// The earliest timer's instant.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queue.get_min().map(|((at, _), _)| *at)
    }

    /// Takes out the earliest timer if it is due at `now`: its instant, and the key with its hash.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, u64, K)> {
        let &((at, hash), ref keys) = self.queue.get_min().filter(|((at, _), _)| *at <= now)?;
        let key = match keys.len() {
            0 | 1 => self.queue.remove(&(at, hash))?.pop()?,
            _ => self.queue.get_mut(&(at, hash))?.pop()?,
        };
        Some((at, hash, key))
    }

    pub(crate) fn snapshot(&self, section: &'static str, groups: KeyGroups, to: &mut OperatorCapture) {
        let queue = self.queue.clone();
        to.defer(move |to| {
            let mut entries = KeyedEntries::new(groups);
            for ((at, hash), keys) in &queue {
                let bytes = entries.of_hash(*hash);
                keys.iter().try_for_each(|key| encode(&(at, key), bytes))?;
            }
            to.extend_keyed(section, entries);
            Ok(())
        });
    }

    pub(crate) fn restore(
        &mut self,
        section: &str,
        groups: KeyGroups,
        from: &OperatorSnapshot,
    ) -> Result<(), StateError> {
        from.read_keyed(section, groups, |_, bytes| {
            let (at, key): (Timestamp, K) = decode(bytes, "a timer")?;
            self.set(at, stable_hash(&key), &key);
            Ok(())
        })
    }
}

/// The timers of one operator.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    pub(crate) event: TimerQueue<K>,
    pub(crate) processing: TimerQueue<K>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { event: TimerQueue::default(), processing: TimerQueue::default() }
    }
}

impl<K: Key> Timers<K> {
    pub(crate) fn snapshot(&self, groups: KeyGroups, to: &mut OperatorCapture) {
        self.event.snapshot("event-timers", groups, to);
        self.processing.snapshot("processing-timers", groups, to);
    }

    pub(crate) fn restore(&mut self, groups: KeyGroups, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.event.restore("event-timers", groups, from)?;
        self.processing.restore("processing-timers", groups, from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::TaskCapture;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_timer_set_twice_fires_once() {
        let mut timers = TimerQueue::default();
        for instant in [5, 3, 5, 9] {
            timers.set(at(instant), stable_hash("k"), &"k".to_owned());
        }
        timers.delete(at(3), stable_hash("k"), &"k".to_owned());
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(5))).map(|(instant, ..)| instant).collect();
        assert_eq!(due, [at(5)]);
        assert_eq!(timers.next(), Some(at(9)));
    }

    #[test]
    fn a_snapshot_has_the_timers_that_fire_before_it_is_written() {
        let groups = KeyGroups::of_subtask(0, 1, 16);
        let mut timers = TimerQueue::default();
        let mut task = TaskCapture::default();
        (0..100u64).for_each(|key| timers.set(at(key as i64 / 2), stable_hash(&key), &key));
        timers.snapshot("timers", groups, task.operator("uid"));
        while timers.pop_due(at(40)).is_some() {}
        let mut restored = TimerQueue::<u64>::default();
        restored.restore("timers", groups, task.complete().unwrap().get("uid").unwrap()).unwrap();
        let keys = std::iter::from_fn(|| restored.pop_due(at(50))).map(|(instant, _, key)| (instant, key));
        let mut keys: Vec<_> = keys.collect();
        assert!(keys.is_sorted_by_key(|(instant, _)| *instant));
        keys.sort_unstable();
        assert_eq!(keys, (0..100).map(|key| (at(key as i64 / 2), key)).collect::<Vec<_>>());
    }
}
