//! What has become of a job's checkpoints: durations, sizes, failures.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{CheckpointId, Purpose, SubtaskId};

/// How many checkpoints are remembered.
const REMEMBERED: usize = 100;

/// Where a checkpoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointStatus {
    /// Under way.
    InProgress,
    /// Complete: the job can go on from it.
    Completed,
    /// Given up, for this reason.
    Failed(String),
}

/// A subtask's share of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubtaskCheckpoint {
    /// The size of its part.
    pub bytes: u64,
    /// How long it waited for barriers on all inputs.
    pub alignment: Duration,
    /// How long it stood still to capture its state.
    pub sync: Duration,
    /// How long its state was encoded and stored, while it went on.
    pub asynchronous: Duration,
}

/// One checkpoint or savepoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// Its number.
    pub id: CheckpointId,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
    /// Where it stands.
    pub status: CheckpointStatus,
    /// When it was triggered, on the job's monotonic clock.
    pub triggered: Duration,
    /// How long it took, if it is over.
    pub duration: Option<Duration>,
    /// The size of what it wrote.
    pub bytes: u64,
    /// The subtasks that have stored their parts, by number.
    pub subtasks: BTreeMap<usize, SubtaskCheckpoint>,
}

impl CheckpointRecord {
    /// The longest wait of a subtask for its barriers.
    pub fn alignment(&self) -> Duration {
        self.subtasks.values().map(|subtask| subtask.alignment).max().unwrap_or_default()
    }

    /// The longest time that a subtask stood still.
    pub fn sync(&self) -> Duration {
        self.subtasks.values().map(|subtask| subtask.sync).max().unwrap_or_default()
    }
}

/// Counts over the whole life of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointCounts {
    /// Checkpoints and savepoints that were completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// How often the job was restarted.
    pub restarts: u64,
}

#[derive(Debug, Default)]
struct Inner {
    /// The oldest first.
    records: VecDeque<CheckpointRecord>,
    counts: CheckpointCounts,
    /// Whether the job has ended.
    is_over: bool,
}

/// The checkpoints of one job, for whoever wants to look.
#[derive(Debug, Default)]
pub struct CheckpointHistory {
    inner: Mutex<Inner>,
    /// Told when a checkpoint is complete, and when the job has ended.
    news: Condvar,
}

impl CheckpointHistory {
    /// The latest checkpoints, the oldest first; a hundred at most.
    pub fn records(&self) -> Vec<CheckpointRecord> {
        self.lock().records.iter().cloned().collect()
    }

    /// The last checkpoint that was completed.
    pub fn last_completed(&self) -> Option<CheckpointRecord> {
        self.lock().records.iter().rev().find(|record| record.status == CheckpointStatus::Completed).cloned()
    }

    /// Counts over the whole life of the job.
    pub fn counts(&self) -> CheckpointCounts {
        self.lock().counts
    }

    /// Waits until so many checkpoints and savepoints are complete; answers whether they are: not if the job has ended
    /// before.
    pub fn wait_for_completed(&self, count: u64) -> bool {
        let is_missing = |inner: &mut Inner| inner.counts.completed < count && !inner.is_over;
        let inner = self.news.wait_while(self.lock(), is_missing).unwrap_or_else(PoisonError::into_inner);
        inner.counts.completed >= count
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn triggered(&self, id: CheckpointId, purpose: Purpose, now: Duration) {
        if purpose == Purpose::CommitOnly {
            return;
        }
        let mut inner = self.lock();
        if inner.records.len() == REMEMBERED {
            inner.records.pop_front();
        }
        inner.records.push_back(CheckpointRecord {
            id,
            is_savepoint: matches!(purpose, Purpose::Savepoint { .. }),
            status: CheckpointStatus::InProgress,
            triggered: now,
            duration: None,
            bytes: 0,
            subtasks: BTreeMap::new(),
        });
    }

    pub(crate) fn acknowledged(&self, id: CheckpointId, subtask: SubtaskId, part: SubtaskCheckpoint) {
        self.update(id, |record| {
            record.bytes += part.bytes;
            record.subtasks.insert(subtask, part);
        });
    }

    pub(crate) fn completed(&self, id: CheckpointId, now: Duration) {
        self.lock().counts.completed += 1;
        self.update(id, |record| {
            record.status = CheckpointStatus::Completed;
            record.duration = Some(now.saturating_sub(record.triggered));
        });
        self.news.notify_all();
    }

    pub(crate) fn failed(&self, id: CheckpointId, reason: &str, now: Duration) {
        self.lock().counts.failed += 1;
        self.update(id, |record| {
            record.status = CheckpointStatus::Failed(reason.to_owned());
            record.duration = Some(now.saturating_sub(record.triggered));
        });
    }

    /// The job has ended.
    pub(crate) fn ended(&self) {
        self.lock().is_over = true;
        self.news.notify_all();
    }

    /// The job has failed: what was under way is so no longer.
    pub(crate) fn restarted(&self) {
        let mut inner = self.lock();
        inner.counts.restarts += 1;
        for record in inner.records.iter_mut().filter(|record| record.status == CheckpointStatus::InProgress) {
            record.status = CheckpointStatus::Failed("the job has failed".to_owned());
        }
    }

    fn update(&self, id: CheckpointId, change: impl FnOnce(&mut CheckpointRecord)) {
        if let Some(record) = self.lock().records.iter_mut().find(|record| record.id == id) {
            change(record);
        }
    }
}
