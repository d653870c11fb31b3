//! Snapshots of one subtask that are under way.
//!
//! A snapshot is complete when the chain has been captured, every sink of the chain has prepared its output, and every
//! batch that the barrier has overtaken has been captured. The subtask goes on working meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::inputs::Inputs;
use crate::checkpoint::Barrier;
use crate::operator::Prepared;
use crate::state::{StateError, TaskCapture};
use crate::task::AnyCommittables;

/// A subtask's part of a snapshot, to be encoded and stored.
pub(crate) struct Captured {
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) capture: TaskCapture,
    /// What the sinks have prepared.
    pub(crate) committables: Vec<AnyCommittables>,
    /// How long it took from the first channel that had reached the barrier to the last.
    pub(crate) alignment: Duration,
    /// How long the subtask stood still to capture its state.
    pub(crate) sync: Duration,
}

struct UnderWay {
    captured: Captured,
    /// How many sinks have still to prepare.
    sinks_missing: usize,
    /// Whether overtaken batches may still arrive.
    capturing: bool,
}

/// The snapshots under way. Bounded by how many checkpoints may be concurrent.
#[derive(Default)]
pub(crate) struct Snapshots {
    /// The oldest first.
    under_way: VecDeque<UnderWay>,
    /// What sinks have prepared for snapshots that have not begun here.
    early: Vec<Prepared>,
}

impl Snapshots {
    /// The chain has been captured.
    pub(crate) fn begin(&mut self, captured: Captured, sinks: usize) {
        self.under_way.push_back(UnderWay { captured, sinks_missing: sinks, capturing: false });
    }

    /// Whether batches that arrive may be part of the latest snapshot.
    pub(crate) fn captures_arrivals(&self) -> bool {
        self.under_way.back().is_some_and(|latest| latest.capturing)
    }

    /// Writes down what the barrier of the latest snapshot has overtaken.
    pub(crate) fn capture_overtaken(&mut self, inputs: &mut Inputs) -> Result<(), StateError> {
        if let Some(latest) = self.under_way.back_mut() {
            latest.capturing = inputs.capture_overtaken(&mut latest.captured.capture)?;
        }
        Ok(())
    }

    /// Takes out the snapshots whose every part is there.
    pub(crate) fn take_complete(&mut self, prepared: Vec<Prepared>) -> Vec<Captured> {
        self.early.extend(prepared);
        for Prepared { id, committables } in std::mem::take(&mut self.early) {
            match self.under_way.iter_mut().find(|under_way| under_way.captured.barrier.id == id) {
                Some(found) => {
                    found.sinks_missing -= 1;
                    found.captured.committables.push(committables);
                }
                None => self.early.push(Prepared { id, committables }),
            }
        }
        let mut complete = Vec::new();
        while self.under_way.front().is_some_and(|oldest| oldest.sinks_missing == 0 && !oldest.capturing) {
            complete.extend(self.under_way.pop_front().map(|oldest| oldest.captured));
        }
        complete
    }
}
