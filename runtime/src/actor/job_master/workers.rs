//! Threads for what may wait: encoding and storing parts of snapshots, writing pointers, committing output.
//!
//! Pointers are written, and output is committed, one after another in order. Threads that hang are left behind.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::actor::threads;
use crate::testing::Injection;

/// How many threads encode and store parts of snapshots.
const PART_THREADS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one job.
pub(crate) struct Workers {
    parts: mpsc::Sender<Job>,
    pointers: mpsc::Sender<Job>,
    commits: mpsc::Sender<Job>,
}

impl Workers {
    pub(crate) fn start(faults: &Injection) -> std::io::Result<Self> {
        Ok(Self {
            parts: pool("snapshot", PART_THREADS, Role::InBackground, faults)?,
            pointers: pool("checkpoint", 1, Role::InOrder, faults)?,
            commits: pool("committer", 1, Role::InOrder, faults)?,
        })
    }

    /// Encodes and stores a part of a snapshot.
    pub(crate) fn store_part(&self, job: impl FnOnce() + Send + 'static) {
        // The threads are gone only with the process.
        let _ = self.parts.send(Box::new(job));
    }

    /// Writes a pointer, or deletes what is no longer needed.
    pub(crate) fn write_pointer(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.pointers.send(Box::new(job));
    }

    /// Commits output.
    pub(crate) fn commit(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.commits.send(Box::new(job));
    }

    /// Waits until all pointers and commits begun so far are done, at most for `timeout`.
    pub(crate) async fn settle(&self, timeout: Duration) {
        for queue in [&self.pointers, &self.commits] {
            let (done, settled) = oneshot::channel();
            let _ = queue.send(Box::new(move || {
                let _ = done.send(());
            }));
            // It hangs: whatever it still does is fenced off by the epoch of the next attempt.
            let _ = tokio::time::timeout(timeout, settled).await;
        }
    }
}

/// What a pool's threads are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Much work, which nobody waits for as long as the job has work.
    InBackground,
    /// Little work, which the job waits for.
    InOrder,
}

fn pool(name: &str, count: usize, role: Role, faults: &Injection) -> std::io::Result<mpsc::Sender<Job>> {
    let (sender, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..count {
        let (queue, faults) = (Arc::clone(&queue), faults.clone());
        threads::spawn(name, move || {
            if role == Role::InBackground {
                threads::give_way();
            }
            loop {
                // The lock is given up before the job runs.
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                // A process that has died does nothing more, though a test has its thread live on.
                if !faults.is_dead() {
                    job();
                }
            }
        })?;
    }
    Ok(sender)
}
