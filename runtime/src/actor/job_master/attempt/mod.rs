//! One attempt of a job: its actor hears of everything ([`messages`]), asks the coordinator what to do, and does it
//! ([`snapshots`]).

pub(super) mod messages;
mod snapshots;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use self::messages::Request;
use super::Shared;
use super::carried::Carried;
use super::commits::Committers;
use super::control::{Command, Control, Reply};
use super::deploy::{self, Started};
use super::gathered::Gathered;
use super::restore::Restored;
use crate::actor::enumerator::EnumeratorHandle;
use crate::actor::slot::Slots;
use crate::actor::subtask::Cancel;
use crate::checkpoint::{Action, CheckpointId, Coordinator, Event};
use crate::error::JobError;
use crate::graph::NodeId;
use crate::task::AnyCommittables;

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
    // The actor runs only when all that it speaks to is there: what they report meanwhile waits in its mailbox.
    let ctx = Context::new();
    let master = ctx.address();
    let enumerators = deploy::start_enumerators(shared, restored.as_deref(), &master)?;
    let subtasks = deploy::start_subtasks(shared, slots, &enumerators, (attempt, restored.as_deref()), &master);
    Ok(ctx.run(JobMaster {
        shared: Arc::clone(shared),
        coordinator,
        epoch,
        committers,
        running: subtasks.len(),
        subtasks,
        enumerators,
        gathered: BTreeMap::new(),
        carried: Carried::default(),
        released: CheckpointId(0),
        replies: BTreeMap::new(),
        end: None,
        done: Some(done),
        tick: None,
    }))
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
    /// How many subtasks are not gone.
    running: usize,
    subtasks: Vec<Started>,
    enumerators: BTreeMap<NodeId, EnumeratorHandle>,
    /// Snapshots under way.
    gathered: BTreeMap<CheckpointId, Gathered>,
    carried: Carried,
    /// What was prepared before barriers below this one is committed, and the latest complete snapshot does not describe it.
    released: CheckpointId,
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
                    self.carried.add(id, gathered.own_since, gathered.own, true);
                }
            }
            Action::Finish { savepoint } => self.end_as(End::Finished(savepoint)),
            Action::Fail { reason } => self.end_as(End::Final(JobError::Checkpoint(reason))),
        }
    }

    fn request(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::Cancel => {
                self.end_as(End::Final(JobError::Cancelled));
                self.forget_checkpoints();
            }
            Command::Savepoint { reply, .. } if self.end.is_some() || self.coordinator.is_stopping() => {
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
        if self.running != 0 {
            return;
        }
        let Some(end) = self.end.take() else { return };
        let gathered = std::mem::take(&mut self.gathered);
        // A snapshot whose pointer may be written already is not to be touched.
        let uncommitted = gathered.into_values().filter(|gathered| !gathered.is_handed_over);
        let mut prepared = std::mem::take(&mut self.carried).removable();
        prepared.extend(uncommitted.flat_map(|gathered| gathered.own));
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

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.set_tick(ctx);
    }
}
