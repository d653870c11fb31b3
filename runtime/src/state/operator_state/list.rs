//! Entries that belong to no subtask in particular.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::OperatorState;
use crate::data::Data;
use crate::operator::TaskInfo;
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};

/// A list of each subtask: a `Vec` that is in snapshots. When a job is restored, the entries of all subtasks are dealt out
/// in turn, so that each is in one subtask and none has more than one above another.
///
/// ```
/// # use millstream::prelude::*;
/// let mut seen: ListState<u64> = ListState::default();
/// seen.push(3);
/// assert!(seen.contains(&3));
/// ```
#[derive(Debug, Clone)]
pub struct ListState<T>(Arc<Vec<T>>);

impl<T> Default for ListState<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Deref for ListState<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for ListState<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: Data> OperatorState for ListState<T> {
    fn capture(&self, section: &str, _task: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
        to.defer_list(section, Arc::clone(&self.0));
        Ok(())
    }

    fn restore(&mut self, section: &str, task: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.0 = Arc::new(from.share_of_list(section, task.subtask, task.parallelism)?);
        Ok(())
    }
}
