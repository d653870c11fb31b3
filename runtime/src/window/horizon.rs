//! How far event time has come for each key, across restores.
//!
//! Subtasks reach a snapshot at different watermarks. Restored at another parallelism, a subtask may own key groups of
//! several of them; each group goes on from its own, or records would become late, or be on time for a second firing.
//! Once the watermark has passed them all, they are one again.

use crate::operator::TaskInfo;
use crate::state::{KeyGroup, KeyGroups, OperatorCapture, OperatorSnapshot, StateError};

const SECTION: &str = "watermarks";

/// The watermark, per key group where they differ.
#[derive(Debug)]
pub(crate) struct Horizon {
    /// The least of all.
    watermark: i64,
    /// By key group number; empty unless groups differ.
    groups: Vec<i64>,
    /// The highest of `groups`.
    latest: i64,
}

impl Default for Horizon {
    fn default() -> Self {
        Self { watermark: i64::MIN, groups: Vec::new(), latest: i64::MIN }
    }
}

impl Horizon {
    /// The least watermark of all keys.
    #[inline]
    pub(crate) fn watermark(&self) -> i64 {
        self.watermark
    }

    /// The highest watermark of all keys.
    pub(crate) fn latest(&self) -> i64 {
        self.latest
    }

    /// Whether keys differ.
    #[inline]
    pub(crate) fn is_mixed(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The watermark of the keys with this hash.
    #[inline]
    pub(crate) fn of_hash(&self, hash: u64) -> i64 {
        if self.groups.is_empty() {
            return self.watermark;
        }
        let group = KeyGroup::of_hash(hash, self.groups.len());
        self.groups[usize::from(group.0)].max(self.watermark)
    }

    /// Moves on; never back.
    pub(crate) fn advance(&mut self, watermark: i64) {
        self.watermark = self.watermark.max(watermark);
        if self.watermark >= self.latest {
            self.latest = self.watermark;
            self.groups.clear();
        }
    }

    pub(crate) fn snapshot(&self, info: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        if !self.is_mixed() {
            return to.push(SECTION, &(info.subtask, info.parallelism, self.watermark));
        }
        // Each key group as if it were a subtask: as many subtasks as groups.
        for group in (0..info.max_parallelism).filter(|group| info.key_groups().contains(KeyGroup(*group as u16))) {
            let watermark = self.groups[group].max(self.watermark);
            to.push(SECTION, &(group, info.max_parallelism, watermark))?;
        }
        Ok(())
    }

    pub(crate) fn restore(&mut self, info: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        let mut groups = vec![i64::MIN; info.max_parallelism];
        for (subtask, parallelism, watermark) in from.list::<(usize, usize, i64)>(SECTION)? {
            let held = KeyGroups::of_subtask(subtask, parallelism, info.max_parallelism);
            for (number, group) in groups.iter_mut().enumerate() {
                if held.contains(KeyGroup(number as u16)) {
                    *group = watermark;
                }
            }
        }
        let owned = info.key_groups();
        let mine = |number: &usize| owned.contains(KeyGroup(*number as u16));
        let watermarks = (0..groups.len()).filter(mine).map(|number| groups[number]);
        self.watermark = watermarks.clone().min().unwrap_or(i64::MIN);
        self.latest = watermarks.max().unwrap_or(i64::MIN);
        self.groups = if self.watermark == self.latest { Vec::new() } else { groups };
        Ok(())
    }
}
