//! A map that is the same in all subtasks.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::OperatorState;
use crate::data::Data;
use crate::operator::TaskInfo;
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};

/// A map that is the same in all subtasks: a `BTreeMap` that is in snapshots, written by one subtask and read by all.
///
/// It stays the same because all subtasks do the same to it: change it only for records that all of them get, those of a
/// stream that is `.broadcast()`, and by nothing but the record and the map.
///
/// ```
/// # use millstream::prelude::*;
/// let mut rules: BroadcastState<String, u64> = BroadcastState::default();
/// rules.insert("limit".to_owned(), 5);
/// assert_eq!(rules.get("limit"), Some(&5));
/// ```
#[derive(Debug, Clone)]
pub struct BroadcastState<K, V>(Arc<BTreeMap<K, V>>);

impl<K, V> Default for BroadcastState<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Deref for BroadcastState<K, V> {
    type Target = BTreeMap<K, V>;

    #[inline]
    fn deref(&self) -> &BTreeMap<K, V> {
        &self.0
    }
}

impl<K: Clone, V: Clone> DerefMut for BroadcastState<K, V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut self.0)
    }
}

impl<K: Data + Ord, V: Data> OperatorState for BroadcastState<K, V> {
    fn capture(&self, section: &str, task: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        if task.subtask == 0 {
            let (section, frozen) = (section.to_owned(), Arc::clone(&self.0));
            to.defer(move |to| frozen.iter().try_for_each(|entry| to.push(&section, &entry)));
        }
        Ok(())
    }

    fn restore(&mut self, section: &str, _task: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.0 = Arc::new(from.list(section)?.into_iter().collect());
        Ok(())
    }
}
