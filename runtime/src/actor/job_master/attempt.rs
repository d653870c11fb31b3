//! One attempt of a job: its actor hears of everything, asks the coordinator what to do, and does it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::Shared;
use super::carried::Carried;
use super::commits::Committers;
use super::control::{Command, Control, Reply};
use super::deploy::{self, Started};
use super::gathered::Gathered;
use super::restore::Restored;
use crate::actor::enumerator::EnumeratorHandle;
use crate::actor::slot::Slots;
use crate::actor::subtask::{Cancel, News, Report, Trigger};
use crate::checkpoint::{
    Action, Barrier, CheckpointError, CheckpointId, Coordinator, Event, PartRef, Purpose, SubtaskCheckpoint, SubtaskId,
};
use crate::error::{JobError, blame};
use crate::graph::NodeId;
use crate::task::{AnyCommittables, Captured};
use crate::testing::FaultPoint;
use crate::time::Timestamp;

/// What an attempt begins with.
pub(super) struct Start {
    /// How often the job has been restarted.
    pub(super) number: u32,
    /// Its epoch in the place for checkpoints.
    pub(super) epoch: u64,
    pub(super) restored: Option<Arc<Restored>>,
}

/// How an attempt has ended.
pub(super) enum AttemptEnd {
    /// All input has been processed, and all output committed.
    Finished,
    /// It was stopped by this savepoint, and all output before that is committed.
    Stopped(CheckpointId),
    /// The process is as good as dead.
    Killed,
    /// Another attempt may follow. `prepared` is output that was never part of a complete snapshot.
    Failed { error: JobError, prepared: Vec<AnyCommittables> },
    /// No attempt is to follow.
    Final { error: JobError, prepared: Vec<AnyCommittables> },
}

/// Runs an attempt to its end.
pub(super) async fn run(shared: &Arc<Shared>, slots: &impl Slots, begin: Start, control: &mut Control) -> AttemptEnd {
    let number = begin.number;
    let (done, ended) = oneshot::channel();
    let master = match start(shared, slots, begin, done).await {
        Ok(master) => master,
        // What cannot be started now cannot be started later: it has touched nothing but the job's own settings.
        Err(error) if number == 0 => return AttemptEnd::Final { error, prepared: Vec::new() },
        Err(error) => return AttemptEnd::Failed { error, prepared: Vec::new() },
    };
    tokio::pin!(ended);
    loop {
        tokio::select! {
            end = &mut ended => {
                let stopped = || JobError::Start("the JobMaster has stopped before its job".to_owned());
                return end.unwrap_or_else(|_| AttemptEnd::Final { error: stopped(), prepared: Vec::new() });
            }
            command = control.next() => master.do_send(Request(command)),
        }
    }
}

async fn start(
    shared: &Arc<Shared>,
    slots: &impl Slots,
    Start { number: attempt, epoch, restored }: Start,
    done: oneshot::Sender<AttemptEnd>,
) -> Result<Addr<JobMaster>, JobError> {
    let next_id = match &shared.store {
        Some(store) => store.next_id()?,
        None => CheckpointId(1),
    };
    let committers = recover(shared, attempt, restored.as_ref()).await?;
    let plan = &shared.plan;
    let participants = plan.subtasks() + plan.sources().count();
    let now = shared.clock.monotonic();
    let rhythm = plan.graph.settings.rhythm();
    let coordinator = Coordinator::new(rhythm, (plan.subtasks(), participants), next_id, now);
    let master = JobMaster {
        shared: Arc::clone(shared),
        coordinator,
        epoch,
        committers,
        running: 0,
        subtasks: Vec::new(),
        enumerators: BTreeMap::new(),
        gathered: BTreeMap::new(),
        carried: Carried::default(),
        replies: BTreeMap::new(),
        end: None,
        done: Some(done),
        tick: None,
    };
    let master = master.start();
    let enumerators = deploy::start_enumerators(shared, restored.as_deref(), &master)?;
    let subtasks = deploy::start_subtasks(shared, slots, &enumerators, (attempt, restored.as_deref()), &master);
    master.do_send(Deployed { subtasks, enumerators });
    Ok(master)
}

/// Has the committers commit what the restored snapshot describes, on their own thread.
async fn recover(shared: &Arc<Shared>, attempt: u32, restored: Option<&Arc<Restored>>) -> Result<Committers, JobError> {
    let (done, recovered) = oneshot::channel();
    let committers = Committers::default();
    let (of_thread, shared_too, restored) = (committers.clone(), Arc::clone(shared), restored.cloned());
    shared.workers.commit(move || {
        let result = of_thread.recover(&shared_too, attempt, restored.as_deref());
        drop((shared_too, restored));
        let _ = done.send(result);
    });
    recovered.await.map_err(|_| JobError::Start("the committers' thread has stopped".to_owned()))??;
    Ok(committers)
}

/// The attempt's actor.
pub(super) struct JobMaster {
    shared: Arc<Shared>,
    coordinator: Coordinator,
    epoch: u64,
    committers: Committers,
    /// Subtasks started less subtasks gone.
    running: isize,
    subtasks: Vec<Started>,
    enumerators: BTreeMap<NodeId, EnumeratorHandle>,
    /// Snapshots under way.
    gathered: BTreeMap<CheckpointId, Gathered>,
    carried: Carried,
    /// Who has asked for savepoints.
    replies: BTreeMap<CheckpointId, Reply>,
    /// How the attempt will end once all subtasks are gone.
    end: Option<End>,
    done: Option<oneshot::Sender<AttemptEnd>>,
    tick: Option<SpawnHandle>,
}

enum End {
    Finished(Option<CheckpointId>),
    Failed(JobError),
    Final(JobError),
}

impl JobMaster {
    fn now(&self) -> Duration {
        self.shared.clock.monotonic()
    }

    fn on(&mut self, event: Event, ctx: &mut Context<Self>) {
        if self.end.is_some() {
            return;
        }
        for action in self.coordinator.on(event, self.now()) {
            self.carry_out(action, ctx);
        }
        self.set_tick(ctx);
    }

    fn set_tick(&mut self, ctx: &mut Context<Self>) {
        if let Some(before) = self.tick.take() {
            ctx.cancel_future(before);
        }
        if let Some(at) = self.coordinator.next_tick().filter(|_| self.end.is_none()) {
            let wait = at.saturating_sub(self.now());
            self.tick = Some(ctx.run_later(wait, |this, ctx| this.on(Event::Tick, ctx)));
        }
    }

    fn carry_out(&mut self, action: Action, ctx: &mut Context<Self>) {
        match action {
            Action::Trigger { id, purpose } => self.trigger(id, purpose, ctx),
            Action::Store { id } => self.store(id, ctx),
            Action::Commit { id } => self.commit(id, ctx),
            Action::GiveUp { id, reason } => self.give_up(id, &reason),
            Action::SavepointDone { id } => {
                if let Some(gathered) = self.gathered.remove(&id) {
                    self.completed(&gathered);
                    self.carried.add(id, gathered.committables, true);
                }
            }
            Action::Finish { savepoint } => self.end_as(End::Finished(savepoint)),
            Action::Fail { reason } => self.end_as(End::Final(JobError::Checkpoint(reason))),
        }
    }

    fn trigger(&mut self, id: CheckpointId, purpose: Purpose, ctx: &mut Context<Self>) {
        let settings = &self.shared.plan.graph.settings;
        let barrier = Arc::new(Barrier {
            id,
            purpose,
            overtake_at: match settings.checkpointing.as_ref().and_then(|set| set.unaligned_after) {
                Some(after) if purpose == Purpose::Checkpoint => self.shared.clock.now().saturating_add(after),
                _ => Timestamp::MAX,
            },
            at_least_once: settings.is_at_least_once(),
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
    fn captured(&mut self, subtask: SubtaskId, captured: Captured, ctx: &mut Context<Self>) {
        let Captured { barrier, capture, committables, sync, alignment } = captured;
        let id = barrier.id;
        let Some(gathered) = self.gathered.get_mut(&id) else {
            // Given up meanwhile.
            self.carried.add(id, committables, false);
            return;
        };
        gathered.committables.extend(committables);
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
    fn store(&mut self, id: CheckpointId, ctx: &mut Context<Self>) {
        // Output of earlier snapshots that is still being committed is described here too: a restart from this one finds
        // no other, whether they come to be committed or not.
        let uncommitted: Vec<AnyCommittables> = self
            .gathered
            .range(..id)
            .filter(|(_, earlier)| earlier.is_handed_over)
            .flat_map(|(_, earlier)| earlier.committables.iter().cloned())
            .collect();
        let (Some(gathered), Some(store)) = (self.gathered.get_mut(&id), self.shared.store.clone()) else { return };
        gathered.committables.extend(uncommitted);
        gathered.committables.extend(self.carried.take_before(id));
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

    fn commit(&mut self, id: CheckpointId, ctx: &mut Context<Self>) {
        let Some(gathered) = self.gathered.get_mut(&id) else { return };
        let committables = gathered.committables.clone();
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

    fn give_up(&mut self, id: CheckpointId, reason: &str) {
        tracing::warn!(%id, %reason, "checkpoint failed");
        self.shared.history.failed(id, reason, self.now());
        if let Some(reply) = self.replies.remove(&id) {
            reply(Err(reason.to_owned()));
        }
        if let Some(gathered) = self.gathered.remove(&id) {
            self.carried.add(id, gathered.committables, gathered.is_handed_over);
        }
    }

    /// A snapshot can be gone on from.
    fn completed(&self, gathered: &Gathered) {
        let id = gathered.barrier.id;
        if gathered.barrier.purpose == Purpose::CommitOnly {
            return;
        }
        tracing::debug!(%id, "checkpoint completed");
        self.shared.history.completed(id, self.now());
    }

    fn tell_savepoint(&mut self, id: CheckpointId) {
        if let Some(reply) = self.replies.remove(&id) {
            reply(Ok(self.shared.savepoint_path(id)));
        }
    }

    /// Deletes what no restart will need.
    fn collect_garbage(&self) {
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
    fn forget_checkpoints(&self) {
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

    fn request(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::Cancel => {
                self.end_as(End::Final(JobError::Cancelled));
                self.forget_checkpoints();
            }
            Command::Savepoint { stop: _, reply } if self.end.is_some() => {
                if let Some(reply) = reply {
                    reply(Err("the job is ending".to_owned()));
                }
            }
            Command::Savepoint { stop, reply } => {
                if self.shared.store.is_none() {
                    let reason = "the job has no place for snapshots: set one with --checkpoint-dir";
                    if let Some(reply) = reply {
                        reply(Err(reason.to_owned()));
                    }
                    if stop {
                        self.end_as(End::Final(JobError::Cancelled));
                    }
                    return;
                }
                if let Some(reply) = reply {
                    self.replies.insert(self.coordinator.next_id(), reply);
                }
                self.on(Event::SavepointRequested { stop }, ctx);
            }
        }
    }

    fn end_as(&mut self, end: End) {
        if self.end.is_none() {
            let reason = match &end {
                End::Finished(_) => "the job has ended without it".to_owned(),
                End::Failed(error) | End::Final(error) => error.to_string(),
            };
            for reply in std::mem::take(&mut self.replies).into_values() {
                reply(Err(reason.clone()));
            }
            self.end = Some(end);
            self.cancel_all();
        }
    }

    fn fail(&mut self, failure: JobError) {
        match &self.end {
            None => {
                tracing::info!("a part of the job has failed: cancelling the rest");
                self.end_as(End::Failed(failure));
            }
            Some(_) => tracing::debug!("another failure while cancelling: {failure}"),
        }
    }

    fn cancel_all(&self) {
        for subtask in &self.subtasks {
            subtask.address.do_send(Cancel);
        }
    }

    fn check_done(&mut self) {
        if self.running != 0 || self.subtasks.is_empty() {
            return;
        }
        let Some(end) = self.end.take() else { return };
        let gathered = std::mem::take(&mut self.gathered);
        // A snapshot whose pointer may be written already is not to be touched.
        let uncommitted = gathered.into_values().filter(|gathered| !gathered.is_handed_over);
        let mut prepared = std::mem::take(&mut self.carried).removable();
        prepared.extend(uncommitted.flat_map(|gathered| gathered.committables));
        let ended = match end {
            End::Finished(None) => AttemptEnd::Finished,
            End::Finished(Some(id)) => AttemptEnd::Stopped(id),
            End::Failed(error) => AttemptEnd::Failed { error, prepared },
            End::Final(error) => AttemptEnd::Final { error, prepared },
        };
        if let Some(done) = self.done.take() {
            let _ = done.send(ended);
        }
    }
}

impl Actor for JobMaster {
    type Context = Context<Self>;
}

/// Stores something; a panic of the user's, whose state may encode itself, must not end the thread.
fn caught<R>(store: impl FnOnce() -> anyhow::Result<R>) -> Result<R, String> {
    blame::catch_as(|message| format!("panicked: {message}"), || store().map_err(|error| error.to_string()))
}

/// All subtasks have been started.
#[derive(Message)]
#[rtype(result = "()")]
struct Deployed {
    subtasks: Vec<Started>,
    enumerators: BTreeMap<NodeId, EnumeratorHandle>,
}

impl Handler<Deployed> for JobMaster {
    type Result = ();

    fn handle(&mut self, Deployed { subtasks, enumerators }: Deployed, ctx: &mut Self::Context) {
        self.running += isize::try_from(subtasks.len()).expect("invariant: a job has few subtasks");
        self.subtasks = subtasks;
        self.enumerators = enumerators;
        if self.end.is_some() {
            self.cancel_all();
        }
        self.set_tick(ctx);
        self.check_done();
    }
}

/// Somebody asks for something.
#[derive(Message)]
#[rtype(result = "()")]
struct Request(Command);

impl Handler<Request> for JobMaster {
    type Result = ();

    fn handle(&mut self, Request(command): Request, ctx: &mut Self::Context) {
        self.request(command, ctx);
        self.check_done();
    }
}

/// A source's splits can no longer be found.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct EnumeratorFailed(pub(super) JobError);

impl Handler<EnumeratorFailed> for JobMaster {
    type Result = ();

    fn handle(&mut self, EnumeratorFailed(error): EnumeratorFailed, _ctx: &mut Self::Context) {
        self.fail(error);
    }
}

/// What an enumerator remembers at a barrier.
#[derive(Message)]
#[rtype(result = "()")]
struct EnumeratorState {
    id: CheckpointId,
    source: NodeId,
    participant: SubtaskId,
    state: Result<Vec<u8>, String>,
}

impl Handler<EnumeratorState> for JobMaster {
    type Result = ();

    fn handle(&mut self, message: EnumeratorState, ctx: &mut Self::Context) {
        let EnumeratorState { id, source, participant, state } = message;
        let event = match state {
            Ok(state) => {
                let uid = self.shared.plan.graph.uid(source);
                if let Some(gathered) = self.gathered.get_mut(&id) {
                    gathered.enumerators.insert(uid, state);
                }
                Event::Acknowledged { id, subtask: participant }
            }
            Err(reason) => Event::Declined { id, reason },
        };
        self.on(event, ctx);
    }
}

/// A subtask's part is in the store, or could not be written.
#[derive(Message)]
#[rtype(result = "()")]
struct PartStored {
    id: CheckpointId,
    subtask: SubtaskId,
    stored: Result<PartRef, String>,
    sync: Duration,
    alignment: Duration,
    asynchronous: Duration,
}

impl Handler<PartStored> for JobMaster {
    type Result = ();

    fn handle(&mut self, message: PartStored, ctx: &mut Self::Context) {
        let PartStored { id, subtask, stored, sync, alignment, asynchronous } = message;
        let event = match stored {
            Ok(part) => {
                let share = SubtaskCheckpoint { bytes: part.bytes, alignment, sync, asynchronous };
                self.shared.history.acknowledged(id, subtask, share);
                if let Some(gathered) = self.gathered.get_mut(&id) {
                    gathered.parts.insert(subtask, part);
                }
                Event::Acknowledged { id, subtask }
            }
            Err(reason) => Event::Declined { id, reason },
        };
        self.on(event, ctx);
    }
}

/// A snapshot's pointer is written, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct PointerWritten {
    id: CheckpointId,
    result: Result<(), String>,
}

impl Handler<PointerWritten> for JobMaster {
    type Result = ();

    fn handle(&mut self, PointerWritten { id, result }: PointerWritten, ctx: &mut Self::Context) {
        if result.is_ok() {
            self.tell_savepoint(id);
        }
        self.on(Event::Stored { id, result }, ctx);
    }
}

/// Another run of the job has taken the place for checkpoints over: this one must not go on.
#[derive(Message)]
#[rtype(result = "()")]
struct Superseded(CheckpointError);

impl Handler<Superseded> for JobMaster {
    type Result = ();

    fn handle(&mut self, Superseded(error): Superseded, _ctx: &mut Self::Context) {
        self.end_as(End::Final(JobError::Snapshot(error)));
        self.check_done();
    }
}

/// The sinks have made a snapshot's output visible, or have failed to.
#[derive(Message)]
#[rtype(result = "()")]
struct OutputCommitted {
    id: CheckpointId,
    result: Result<(), JobError>,
}

impl Handler<OutputCommitted> for JobMaster {
    type Result = ();

    fn handle(&mut self, OutputCommitted { id, result }: OutputCommitted, ctx: &mut Self::Context) {
        match result {
            Ok(()) => {
                self.gathered.remove(&id);
                self.on(Event::Committed { id }, ctx);
                self.collect_garbage();
            }
            Err(error) => self.fail(error),
        }
        self.check_done();
    }
}

impl Handler<Report> for JobMaster {
    type Result = ();

    fn handle(&mut self, Report { subtask, news }: Report, ctx: &mut Self::Context) {
        match news {
            News::Drained => self.on(Event::Drained { subtask }, ctx),
            News::Captured(captured) => self.captured(subtask, *captured, ctx),
            News::Failed(error) => {
                self.running -= 1;
                self.fail(JobError::Task(error));
            }
            News::Cancelled => self.running -= 1,
        }
        self.check_done();
    }
}
