//! What the attempt's actor does for snapshots, from the trigger to the commit.

use std::sync::Arc;

use actix::prelude::*;

use super::JobMaster;
use super::messages::{EnumeratorState, OutputCommitted, PartStored, PointerWritten, Superseded};
use crate::actor::job_master::gathered::Gathered;
use crate::actor::subtask::{Completed, Trigger};
use crate::checkpoint::{Barrier, CheckpointError, CheckpointId, Event, Purpose, SubtaskId};
use crate::error::blame;
use crate::task::{AnyCommittables, Captured};
use crate::testing::FaultPoint;
use crate::time::Timestamp;

impl JobMaster {
    pub(super) fn trigger(&mut self, id: CheckpointId, purpose: Purpose, ctx: &mut Context<Self>) {
        let settings = &self.shared.plan.graph.settings;
        let barrier = Arc::new(Barrier {
            id,
            purpose,
            overtake_at: match settings.checkpointing.as_ref().and_then(|set| set.unaligned_after) {
                Some(after) if purpose == Purpose::Checkpoint => self.shared.clock.now().saturating_add(after),
                _ => Timestamp::MAX,
            },
            at_least_once: settings.is_at_least_once(),
            released: self.released,
        });
        tracing::debug!(%id, ?purpose, "checkpoint triggered");
        self.shared.history.triggered(id, purpose, self.now());
        self.gathered.insert(id, Gathered::new(Arc::clone(&barrier), self.shared.clock.now()));
        for subtask in
            self.subtasks.iter().filter(|subtask| subtask.is_root && !self.enumerators.contains_key(&subtask.head))
        {
            subtask.address.do_send(Trigger(Arc::clone(&barrier)));
        }
        for (number, (source, enumerator)) in self.enumerators.iter().enumerate() {
            let readers = self.subtasks.iter().filter(|subtask| subtask.head == *source);
            let readers: Vec<_> = readers.map(|subtask| subtask.address.clone()).collect();
            let (master, barrier, source) = (ctx.address(), Arc::clone(&barrier), *source);
            let participant = self.subtasks.len() + number;
            enumerator.snapshot(Box::new(move |state| {
                // Splits that are assigned from now on reach the readers after the barrier.
                for reader in readers {
                    reader.do_send(Trigger(Arc::clone(&barrier)));
                }
                master.do_send(EnumeratorState {
                    id: barrier.id,
                    source,
                    participant,
                    state: state.map_err(|error| error.to_string()),
                });
            }));
        }
    }

    /// A subtask has captured its part.
    pub(super) fn captured(&mut self, subtask: SubtaskId, captured: Captured, ctx: &mut Context<Self>) {
        let Captured { barrier, capture, committables, sync, alignment } = captured;
        let id = barrier.id;
        let Some(gathered) = self.gathered.get_mut(&id) else {
            // Given up meanwhile.
            self.carried.add(id, id, committables, false);
            return;
        };
        gathered.own.extend(committables);
        let Some(store) = self.shared.store.clone().filter(|_| barrier.purpose != Purpose::CommitOnly) else {
            self.on(Event::Acknowledged { id, subtask }, ctx);
            return;
        };
        let master = ctx.address();
        let kind = gathered.kind();
        let clock = Arc::clone(&self.shared.clock);
        let faults = self.shared.faults().clone();
        self.shared.workers.store_part(move || {
            let began = clock.monotonic();
            let stored = caught(|| {
                faults.strike(FaultPoint::StorePart)?;
                let snapshot = capture.complete()?;
                let part = store.write_part(id, kind, &subtask.to_string(), &snapshot);
                snapshot.remove_local_files();
                let part = part?;
                faults.strike(FaultPoint::PartStored)?;
                Ok(part)
            });
            let asynchronous = clock.monotonic().saturating_sub(began);
            master.do_send(PartStored { id, subtask, stored, sync, alignment, asynchronous });
        });
    }

    /// All parts are stored: write the pointer.
    pub(super) fn store(&mut self, id: CheckpointId, ctx: &mut Context<Self>) {
        // Output before earlier barriers that is not known to be committed is described here too, whether those snapshots
        // are complete or not: a restart from this one finds no other. All of it is there, since each subtask has
        // captured the earlier ones first.
        let mut inherited: Vec<AnyCommittables> = Vec::new();
        let own_since = self.carried.oldest_before(id);
        let mut described_since = own_since;
        for (_, earlier) in self.gathered.range_mut(..id) {
            inherited.extend(earlier.own.iter().cloned());
            described_since = described_since.min(earlier.own_since);
            earlier.is_handed_over = true;
        }
        let (Some(gathered), Some(store)) = (self.gathered.get_mut(&id), self.shared.store.clone()) else { return };
        // What is older comes first.
        gathered.own.splice(0..0, self.carried.take_before(id));
        (gathered.own_since, gathered.inherited, gathered.described_since) = (own_since, inherited, described_since);
        gathered.is_handed_over = true;
        let manifest = gathered.manifest(&self.shared, self.epoch);
        let master = ctx.address();
        let faults = self.shared.faults().clone();
        self.shared.workers.write_pointer(move || {
            let mut superseded = None;
            let result = caught(|| {
                faults.strike(FaultPoint::WritePointer)?;
                if let Err(error) = store.commit(&manifest) {
                    let reason = error.to_string();
                    superseded = Some(error).filter(|error| matches!(error, CheckpointError::Superseded { .. }));
                    anyhow::bail!(reason);
                }
                Ok(faults.strike(FaultPoint::PointerWritten)?)
            });
            match superseded {
                Some(error) => master.do_send(Superseded(error)),
                None => master.do_send(PointerWritten { id, result }),
            }
        });
    }

    pub(super) fn commit(&mut self, id: CheckpointId, ctx: &mut Context<Self>) {
        let Some(gathered) = self.gathered.get_mut(&id) else { return };
        let committables = gathered.described().cloned().collect();
        gathered.is_handed_over = true;
        let purpose = gathered.barrier.purpose;
        let gathered = &self.gathered[&id];
        self.completed(gathered);
        let kind = gathered.kind();
        let marked = self.shared.store.clone().filter(|_| purpose != Purpose::CommitOnly);
        let master = ctx.address();
        let committers = self.committers.clone();
        let faults = self.shared.faults().clone();
        self.shared.workers.commit(move || {
            let result = committers.commit(committables, &faults);
            if result.is_ok()
                && let Some(store) = marked
                && let Err(error) = store.mark_committed(id, kind)
            {
                // Only a restore would be told to commit again, which changes nothing.
                tracing::warn!(%id, "{error}");
            }
            master.do_send(OutputCommitted { id, result });
        });
    }

    pub(super) fn give_up(&mut self, id: CheckpointId, reason: &str) {
        tracing::warn!(%id, %reason, "checkpoint failed");
        self.shared.history.failed(id, reason, self.now());
        if let Some(reply) = self.replies.remove(&id) {
            reply(Err(reason.to_owned()));
        }
        if let Some(gathered) = self.gathered.remove(&id) {
            self.carried.add(id, gathered.own_since, gathered.own, gathered.is_handed_over);
        }
    }

    /// A snapshot can be gone on from.
    pub(super) fn completed(&self, gathered: &Gathered) {
        let id = gathered.barrier.id;
        for subtask in self.subtasks.iter().filter(|subtask| self.enumerators.contains_key(&subtask.head)) {
            subtask.address.do_send(Completed(id));
        }
        if gathered.barrier.purpose == Purpose::CommitOnly {
            return;
        }
        tracing::debug!(%id, "checkpoint completed");
        self.shared.history.completed(id, self.now());
    }

    pub(super) fn tell_savepoint(&mut self, id: CheckpointId) {
        if let Some(reply) = self.replies.remove(&id) {
            reply(Ok(self.shared.savepoint_path(id)));
        }
    }

    /// Deletes what no restart will need.
    pub(super) fn collect_garbage(&self) {
        let (Some(store), Some(settings)) = (self.shared.store.clone(), &self.shared.plan.graph.settings.checkpointing)
        else {
            return;
        };
        let (lineage, retained) = (self.shared.lineage.clone(), settings.retained);
        let oldest = self.coordinator.oldest_pending();
        self.shared.workers.write_pointer(move || {
            if let Err(error) = store.collect_garbage(&lineage, retained, oldest) {
                tracing::warn!("old checkpoints could not be deleted: {error}");
            }
        });
    }

    /// Deletes the checkpoints of a cancelled job, if that was asked for.
    pub(super) fn forget_checkpoints(&self) {
        let settings = self.shared.plan.graph.settings.checkpointing.as_ref();
        let (Some(store), Some(false)) = (self.shared.store.clone(), settings.map(|set| set.keep_on_cancel)) else {
            return;
        };
        let lineage = Arc::clone(&self.shared.lineage);
        self.shared.workers.write_pointer(move || {
            if let Err(error) = store.collect_garbage(&lineage, 0, None) {
                tracing::warn!("the checkpoints of the cancelled job could not be deleted: {error}");
            }
        });
    }
}

/// Stores something; a panic of the user's, whose state may encode itself, must not end the thread.
fn caught<R>(store: impl FnOnce() -> anyhow::Result<R>) -> Result<R, String> {
    blame::catch_as(|message| format!("panicked: {message}"), || store().map_err(|error| error.to_string()))
}
