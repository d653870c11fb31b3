//! What the attempt's actor is told.

use std::time::Duration;

use actix::prelude::*;

use super::{End, JobMaster};
use crate::actor::job_master::control::Command;
use crate::actor::subtask::{News, Report};
use crate::checkpoint::{CheckpointError, CheckpointId, Event, PartRef, SubtaskCheckpoint, SubtaskId};
use crate::error::JobError;
use crate::graph::NodeId;

/// Somebody asks for something.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Request(pub(super) Command);

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
pub(in crate::actor::job_master) struct EnumeratorFailed(pub(in crate::actor::job_master) JobError);

impl Handler<EnumeratorFailed> for JobMaster {
    type Result = ();

    fn handle(&mut self, EnumeratorFailed(error): EnumeratorFailed, _ctx: &mut Self::Context) {
        self.fail(error);
    }
}

/// What an enumerator remembers at a barrier.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct EnumeratorState {
    pub(super) id: CheckpointId,
    pub(super) source: NodeId,
    pub(super) participant: SubtaskId,
    pub(super) state: Result<Vec<u8>, String>,
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
pub(super) struct PartStored {
    pub(super) id: CheckpointId,
    pub(super) subtask: SubtaskId,
    pub(super) stored: Result<PartRef, String>,
    pub(super) sync: Duration,
    pub(super) alignment: Duration,
    pub(super) asynchronous: Duration,
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
pub(super) struct PointerWritten {
    pub(super) id: CheckpointId,
    pub(super) result: Result<(), String>,
}

impl Handler<PointerWritten> for JobMaster {
    type Result = ();

    fn handle(&mut self, PointerWritten { id, result }: PointerWritten, ctx: &mut Self::Context) {
        if result.is_ok() {
            self.released = self.gathered.get(&id).map_or(self.released, |gathered| gathered.described_since);
            self.tell_savepoint(id);
        }
        self.on(Event::Stored { id, result }, ctx);
    }
}

/// Another run of the job has taken the place for checkpoints over: this one must not go on.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Superseded(pub(super) CheckpointError);

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
pub(super) struct OutputCommitted {
    pub(super) id: CheckpointId,
    pub(super) result: Result<(), JobError>,
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
