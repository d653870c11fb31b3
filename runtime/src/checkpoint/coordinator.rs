//! Which checkpoint to trigger, complete, commit or give up, and when the job is over. Pure: events in, actions out.
//!
//! A snapshot goes through: *collecting* (barriers flow, subtasks acknowledge), *storing* (its pointer is being
//! written: from then on a restart goes on from it), *committing* (sinks make its output visible), done. What always
//! holds:
//!
//! * Output is committed only after the snapshot that describes it is complete, and in the order of snapshots.
//! * What was prepared for a snapshot that failed, or for a savepoint that does not commit, belongs to the next one.
//! * The job ends well only after a snapshot that was triggered when all subtasks had nothing left to do is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::CheckpointId;
use super::barrier::Purpose;

/// A subtask's number among all of a job's.
pub(crate) type SubtaskId = usize;

/// When checkpoints are triggered and given up.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    /// `None` for no periodic checkpoints.
    pub(crate) interval: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) min_pause: Duration,
    pub(crate) max_concurrent: usize,
    pub(crate) tolerable_failures: usize,
}

impl Rhythm {
    /// No checkpoints: output is committed once, at the end.
    pub(crate) fn commit_once() -> Self {
        Self {
            interval: None,
            timeout: Duration::MAX,
            min_pause: Duration::ZERO,
            max_concurrent: 1,
            tolerable_failures: 0,
        }
    }
}

/// Something that has happened. Instants are on the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time has passed.
    Tick,
    /// Somebody wants a savepoint.
    SavepointRequested { stop: bool },
    /// A subtask's part of a snapshot is stored.
    Acknowledged { id: CheckpointId, subtask: SubtaskId },
    /// A part of a snapshot cannot be stored.
    Declined { id: CheckpointId, reason: String },
    /// The snapshot's pointer is written, or not.
    Stored { id: CheckpointId, result: Result<(), String> },
    /// The sinks have committed the snapshot's output.
    Committed { id: CheckpointId },
    /// A subtask has processed all of its input and will emit nothing more.
    Drained { subtask: SubtaskId },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send barriers.
    Trigger { id: CheckpointId, purpose: Purpose },
    /// All parts are there: write the pointer. With `None` to write, there is nothing but output to commit.
    Store { id: CheckpointId },
    /// Have the sinks commit the output that the snapshot describes, and what was carried over to it.
    Commit { id: CheckpointId },
    /// The snapshot has failed; what was prepared for it goes to the next.
    GiveUp { id: CheckpointId, reason: String },
    /// A savepoint of a job that goes on is complete; what was prepared for it goes to the next snapshot.
    SavepointDone { id: CheckpointId },
    /// The job is over; stopped, if that was by this savepoint.
    Finish { savepoint: Option<CheckpointId> },
    /// The job has failed, and a restart would not mend it.
    Fail { reason: String },
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Collecting { missing: BTreeSet<SubtaskId> },
    Storing,
    Committing,
}

#[derive(Debug)]
struct Pending {
    purpose: Purpose,
    /// Whether all subtasks were drained when it was triggered.
    is_final: bool,
    triggered: Duration,
    stage: Stage,
}

/// The state of one attempt of a job.
#[derive(Debug)]
pub(crate) struct Coordinator {
    rhythm: Rhythm,
    next_id: u64,
    subtasks: usize,
    /// The subtasks, and behind their numbers those of the sources' enumerators: all that have a part in a snapshot.
    participants: usize,
    drained: BTreeSet<SubtaskId>,
    pending: BTreeMap<CheckpointId, Pending>,
    /// The next periodic checkpoint is due then.
    due: Option<Duration>,
    /// The last snapshot was completed or given up then.
    last_end: Option<Duration>,
    failures_in_a_row: usize,
    /// Set once the job's last snapshot is under way or done.
    closing: bool,
    stop_requested: bool,
    over: bool,
}

impl Coordinator {
    /// A coordinator at the start of an attempt; snapshots are numbered from `next_id`.
    pub(crate) fn new(
        rhythm: Rhythm,
        (subtasks, participants): (usize, usize),
        next_id: CheckpointId,
        now: Duration,
    ) -> Self {
        Self {
            due: rhythm.interval.map(|interval| now.saturating_add(interval)),
            rhythm,
            next_id: next_id.0,
            subtasks,
            participants,
            drained: BTreeSet::new(),
            pending: BTreeMap::new(),
            last_end: None,
            failures_in_a_row: 0,
            closing: false,
            stop_requested: false,
            over: false,
        }
    }

    /// The number of the next snapshot.
    pub(crate) fn next_id(&self) -> CheckpointId {
        CheckpointId(self.next_id)
    }

    /// Whether the job is to stop with a savepoint that has been asked for; no other is taken then.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop_requested
    }

    /// The oldest snapshot under way.
    pub(crate) fn oldest_pending(&self) -> Option<CheckpointId> {
        self.pending.keys().next().copied()
    }

    /// When [`Event::Tick`] is wanted at the latest.
    pub(crate) fn next_tick(&self) -> Option<Duration> {
        let timeouts = self.pending.values().filter(|pending| pending.stage != Stage::Committing);
        let timeout = timeouts.map(|pending| pending.triggered.saturating_add(self.rhythm.timeout)).min();
        let trigger = self.may_trigger_more().then(|| self.trigger_at()).flatten();
        [timeout, trigger].into_iter().flatten().min()
    }

    fn trigger_at(&self) -> Option<Duration> {
        let after_pause = self.last_end.map_or(Duration::ZERO, |end| end.saturating_add(self.rhythm.min_pause));
        self.due.map(|due| due.max(after_pause))
    }

    fn may_trigger_more(&self) -> bool {
        !self.closing && !self.stop_requested && self.under_way() < self.rhythm.max_concurrent
    }

    /// How many snapshots are not complete yet.
    fn under_way(&self) -> usize {
        self.pending.values().filter(|pending| pending.stage != Stage::Committing).count()
    }

    /// Takes note of an event; answers what is to be done.
    pub(crate) fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.over {
            return actions;
        }
        match event {
            Event::Tick => {}
            // After a stop the sources read nothing more, and its savepoint is the last.
            Event::SavepointRequested { .. } if self.stop_requested => {}
            Event::SavepointRequested { stop } => {
                self.stop_requested = stop;
                self.trigger(Purpose::Savepoint { stop }, now, &mut actions);
            }
            Event::Acknowledged { id, subtask } => self.acknowledged(id, subtask, &mut actions),
            Event::Declined { id, reason } => self.give_up(id, reason, now, &mut actions),
            Event::Stored { id, result: Ok(()) } => self.stored(id, now, &mut actions),
            Event::Stored { id, result: Err(reason) } => self.give_up(id, reason, now, &mut actions),
            Event::Committed { id } => self.committed(id, &mut actions),
            Event::Drained { subtask } => {
                self.drained.insert(subtask);
            }
        }
        self.time_out(now, &mut actions);
        self.trigger_if_due(now, &mut actions);
        actions
    }

    fn trigger(&mut self, purpose: Purpose, now: Duration, actions: &mut Vec<Action>) {
        let id = CheckpointId(self.next_id);
        self.next_id += 1;
        let missing = (0..self.participants).collect();
        let is_final = self.drained.len() == self.subtasks;
        self.pending.insert(id, Pending { purpose, is_final, triggered: now, stage: Stage::Collecting { missing } });
        actions.push(Action::Trigger { id, purpose });
    }

    fn trigger_if_due(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.over || !self.may_trigger_more() {
            return;
        }
        if self.drained.len() == self.subtasks {
            // After a failure the last snapshot is tried again in the usual rhythm.
            if self.failures_in_a_row > 0 && self.trigger_at().is_some_and(|at| at > now) {
                return;
            }
            self.closing = true;
            let purpose = if self.rhythm.interval.is_some() { Purpose::Checkpoint } else { Purpose::CommitOnly };
            self.set_due(now);
            self.trigger(purpose, now, actions);
        } else if self.trigger_at().is_some_and(|at| at <= now) {
            self.set_due(now);
            self.trigger(Purpose::Checkpoint, now, actions);
        }
    }

    fn set_due(&mut self, now: Duration) {
        self.due = self.rhythm.interval.map(|interval| now.saturating_add(interval));
    }

    fn acknowledged(&mut self, id: CheckpointId, subtask: SubtaskId, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.get_mut(&id) else { return };
        let Stage::Collecting { missing } = &mut pending.stage else { return };
        missing.remove(&subtask);
        if !missing.is_empty() {
            return;
        }
        if pending.purpose == Purpose::CommitOnly {
            pending.stage = Stage::Committing;
            actions.push(Action::Commit { id });
        } else {
            pending.stage = Stage::Storing;
            self.subsume_before(id, actions);
            actions.push(Action::Store { id });
        }
    }

    /// Gives up the checkpoints before one that is complete: nobody would go on from them.
    fn subsume_before(&mut self, id: CheckpointId, actions: &mut Vec<Action>) {
        let is_subsumed = |pending: &Pending| {
            pending.purpose == Purpose::Checkpoint && matches!(pending.stage, Stage::Collecting { .. })
        };
        let older: Vec<CheckpointId> =
            self.pending.range(..id).filter(|(_, pending)| is_subsumed(pending)).map(|(id, _)| *id).collect();
        for older in older {
            // A savepoint asked for after the job's last checkpoint may overtake it: then that one is taken again, since
            // the savepoint need not commit.
            if self.pending.remove(&older).is_some_and(|subsumed| subsumed.is_final) {
                self.closing = false;
            }
            actions.push(Action::GiveUp { id: older, reason: format!("checkpoint {id} was complete before it") });
        }
    }

    fn stored(&mut self, id: CheckpointId, now: Duration, actions: &mut Vec<Action>) {
        // Not there: given up meanwhile. A good snapshot all the same, but what it describes is carried over already.
        let Some(pending) = self.pending.get_mut(&id) else { return };
        self.failures_in_a_row = 0;
        self.last_end = Some(now);
        if pending.purpose == (Purpose::Savepoint { stop: false }) {
            self.pending.remove(&id);
            actions.push(Action::SavepointDone { id });
        } else {
            pending.stage = Stage::Committing;
            actions.push(Action::Commit { id });
        }
    }

    fn committed(&mut self, id: CheckpointId, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.remove(&id) else { return };
        let stopped = pending.purpose == Purpose::Savepoint { stop: true };
        if pending.is_final || stopped {
            self.over = true;
            actions.push(Action::Finish { savepoint: stopped.then_some(id) });
        }
    }

    fn time_out(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let timeout = self.rhythm.timeout;
        let late =
            |pending: &Pending| pending.stage != Stage::Committing && now >= pending.triggered.saturating_add(timeout);
        let expired: Vec<CheckpointId> =
            self.pending.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| *id).collect();
        for id in expired {
            self.give_up(id, format!("it was not complete after {timeout:?}"), now, actions);
        }
    }

    fn give_up(&mut self, id: CheckpointId, reason: String, now: Duration, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.get(&id) else { return };
        if pending.stage == Stage::Committing {
            return;
        }
        let (purpose, is_final) = (pending.purpose, pending.is_final);
        self.pending.remove(&id);
        self.last_end = Some(now);
        actions.push(Action::GiveUp { id, reason: reason.clone() });
        match purpose {
            Purpose::Savepoint { stop: true } => {
                // The sources have stopped; without a savepoint to go on from, only a failure is honest.
                self.over = true;
                actions.push(Action::Fail {
                    reason: format!("the job was to stop with a savepoint, which failed: {reason}"),
                });
            }
            Purpose::Savepoint { stop: false } => {}
            Purpose::Checkpoint | Purpose::CommitOnly => {
                self.failures_in_a_row += 1;
                if is_final {
                    self.closing = false;
                }
                if self.failures_in_a_row > self.rhythm.tolerable_failures {
                    self.over = true;
                    let count = self.failures_in_a_row;
                    let tolerable = self.rhythm.tolerable_failures;
                    actions.push(Action::Fail {
                        reason: format!(
                            "{count} checkpoints in a row have failed, and {tolerable} are tolerable; the last one: {reason}"
                        ),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
