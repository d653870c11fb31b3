//! Work that a barrier leaves behind: what had changed is written to the store, and the store is captured.
//!
//! Until that has been done, nothing else may be written to the store. Whoever needs it first does it: usually the
//! thread that completes snapshots, but a subtask that cannot go on without writing does not wait for it, since the
//! snapshot may be waiting for the subtask, or have been given up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::state::{OperatorCapture, StateError};

/// Writes and captures; calls what it is given once the store may be written to again.
type Work = Box<dyn FnOnce(&dyn Fn()) -> Result<OperatorCapture, StateError> + Send>;

/// Work that is done once, by whoever comes first.
pub(super) struct Behind {
    stage: Mutex<Stage>,
    is_taken: AtomicBool,
}

enum Stage {
    Waiting(Work),
    Done(Result<OperatorCapture, StateError>),
    /// Somebody has the result, or doing the work has panicked.
    Gone,
}

impl Behind {
    pub(super) fn new(work: Work) -> Self {
        Self { stage: Mutex::new(Stage::Waiting(work)), is_taken: AtomicBool::new(false) }
    }

    /// Whether the store may be written to.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    /// Does the work, or waits for whoever is doing it. Fails if it was done in vain, so that what had changed is not stored.
    pub(super) fn finish(&self) -> Result<(), StateError> {
        self.advance(|stage| match stage {
            Stage::Done(Err(error)) => Err(error.clone()),
            _ if self.is_taken() => Ok(()),
            _ => Err(StateError::NotWritten),
        })
    }

    /// What was captured, to be asked for once.
    pub(super) fn complete(&self) -> Result<OperatorCapture, StateError> {
        self.advance(|stage| match std::mem::replace(stage, Stage::Gone) {
            Stage::Done(result) => result,
            Stage::Waiting(_) | Stage::Gone => Err(StateError::NotWritten),
        })
    }

    fn advance<T>(&self, then: impl FnOnce(&mut Stage) -> T) -> T {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Waiting(_))
            && let Stage::Waiting(work) = std::mem::replace(&mut *stage, Stage::Gone)
        {
            *stage = Stage::Done(work(&|| self.is_taken.store(true, Ordering::Release)));
        }
        then(&mut stage)
    }
}
