//! Entries that all subtasks are told when they start.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::OperatorState;
use crate::data::Data;
use crate::operator::TaskInfo;
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};

/// A list of each subtask: a `Vec` that is in snapshots. When a job is restored, every subtask gets the entries of all of
/// them, and keeps those that it has a use for: an entry that all subtasks keep is there once more after each restore.
///
/// ```
/// # use millstream::prelude::*;
/// let mut counts: UnionList<(usize, u64)> = UnionList::default();
/// counts.push((0, 10));
/// counts.retain(|(subtask, _)| *subtask == 0);
/// assert_eq!(counts.len(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct UnionList<T>(Arc<Vec<T>>);

impl<T> Default for UnionList<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Deref for UnionList<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for UnionList<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: Data> OperatorState for UnionList<T> {
    fn capture(&self, section: &str, _task: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        to.defer_list(section, Arc::clone(&self.0));
        Ok(())
    }

    fn restore(&mut self, section: &str, _task: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.0 = Arc::new(from.list(section)?);
        Ok(())
    }
}
