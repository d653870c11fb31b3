//! The coordinator of one job: starts its subtasks, waits for them, commits their output.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::enumerator::EnumeratorHandle;
use super::slot::{Slots, ThreadSlots};
use super::subtask::{Cancel, Ended, Mailbox, Subtask};
use crate::connector::{SinkError, SourceError};
use crate::error::{JobError, blame};
use crate::graph::{Body, NodeId, Plan};
use crate::observe::JobMetrics;
use crate::task::{AnyCommittables, Committables, wire};
use crate::time::Clock;

/// A job to be run.
pub(crate) struct JobRun {
    pub(crate) plan: Arc<Plan>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<JobMetrics>,
}

/// Runs a job to its end. Blocks; not to be called on a thread that runs a tokio runtime.
pub(crate) fn run(job: JobRun) -> Result<(), JobError> {
    let system = System::new();
    let plan = Arc::clone(&job.plan);
    let result = system.block_on(async move {
        let slots = ThreadSlots::new(job.plan.slots);
        let result = supervise(job, &slots).await;
        slots.stop();
        result
    });
    let (outcome, prepared) = result?;
    conclude(&plan, outcome, prepared)
}

type Prepared = Vec<AnyCommittables>;

/// Starts everything and waits until every subtask has ended.
async fn supervise(job: JobRun, slots: &impl Slots) -> Result<(Option<JobError>, Prepared), JobError> {
    let (done, outcome) = oneshot::channel();
    let master = JobMaster { running: 0, subtasks: Vec::new(), failure: None, prepared: Vec::new(), done: Some(done) };
    let master = master.start();
    let enumerators = start_enumerators(&job.plan, &master)?;
    let subtasks = start_subtasks(&job, slots, &enumerators, &master);
    drop(enumerators);
    master.do_send(Started(subtasks));
    outcome.await.map_err(|_| JobError::Start("the JobMaster has stopped before its job".to_owned()))
}

/// Makes output visible after a good end, and removes what never will be after a bad one.
fn conclude(plan: &Plan, outcome: Option<JobError>, prepared: Prepared) -> Result<(), JobError> {
    let mut by_sink: BTreeMap<NodeId, Committables> = BTreeMap::new();
    for AnyCommittables { sink, mut committables } in prepared {
        by_sink.entry(sink).or_default().append(&mut committables);
    }
    for (sink, committables) in by_sink {
        let node = &plan.graph.nodes[sink];
        let Body::Sink { committer, .. } = &node.body else { continue };
        let concluded = blame::catch_as(SinkError::Panicked, || {
            let mut committer = committer()?;
            if outcome.is_none() { committer.commit(&committables) } else { committer.abort(&committables) }
        });
        match (concluded, &outcome) {
            (Ok(()), _) => {}
            (Err(error), None) => return Err(JobError::Commit { sink_name: node.name.clone(), error }),
            (Err(error), Some(_)) => {
                tracing::warn!(sink = %node.name, "output of the failed job could not be removed: {error}");
            }
        }
    }
    outcome.map_or(Ok(()), Err)
}

/// Finds the first splits of every source, so that an input that does not exist fails the job before it starts.
fn start_enumerators(plan: &Plan, master: &Addr<JobMaster>) -> Result<BTreeMap<NodeId, EnumeratorHandle>, JobError> {
    let mut handles = BTreeMap::new();
    for id in plan.sources() {
        let node = &plan.graph.nodes[id];
        let Body::Source { enumerator, .. } = &node.body else { continue };
        let failed = |error| JobError::Enumerator { source_name: node.name.clone(), error };
        let discovered = blame::catch_as(SourceError::Panicked, || {
            let mut enumerator = enumerator(None)?;
            enumerator.discover()?;
            Ok(enumerator)
        });
        let enumerator = discovered.map_err(failed)?;
        let (master, name) = (master.clone(), node.name.clone());
        let report = move |error: SourceError| {
            master.do_send(EnumeratorFailed(JobError::Enumerator { source_name: name, error }));
        };
        let handle = EnumeratorHandle::start(enumerator, report)
            .map_err(|error| JobError::Start(format!("no thread for an enumerator: {error}")))?;
        handles.insert(id, handle);
    }
    Ok(handles)
}

/// Starts all subtasks, receivers before their senders.
fn start_subtasks(
    job: &JobRun,
    slots: &impl Slots,
    enumerators: &BTreeMap<NodeId, EnumeratorHandle>,
    master: &Addr<JobMaster>,
) -> Vec<Addr<Subtask>> {
    let mut subtasks = Vec::new();
    wire(&job.plan, &job.clock, &job.registry, |blueprint| {
        let vertex = &job.plan.vertices[blueprint.vertex];
        let slot = vertex.first_slot + blueprint.info.subtask;
        let enumerator = enumerators.get(&vertex.nodes[0]).cloned();
        let report = master.clone().recipient();
        let address = slots.start(slot, move |_| Subtask::new(blueprint, enumerator, report));
        subtasks.push(address.clone());
        Box::new(move || Box::new(Mailbox(address.clone())))
    });
    subtasks
}

/// All subtasks have been started.
#[derive(Message)]
#[rtype(result = "()")]
struct Started(Vec<Addr<Subtask>>);

/// A source's splits can no longer be found.
#[derive(Message)]
#[rtype(result = "()")]
struct EnumeratorFailed(JobError);

/// The coordinator's actor.
struct JobMaster {
    /// Subtasks started less subtasks ended.
    running: isize,
    subtasks: Vec<Addr<Subtask>>,
    /// The first failure; the others follow from it.
    failure: Option<JobError>,
    prepared: Prepared,
    done: Option<oneshot::Sender<(Option<JobError>, Prepared)>>,
}

impl JobMaster {
    fn fail(&mut self, failure: JobError) {
        if self.failure.is_none() {
            tracing::info!("a part of the job has failed: cancelling the rest");
            self.failure = Some(failure);
            self.cancel_all();
        } else {
            tracing::debug!("another failure while cancelling: {failure}");
        }
    }

    fn cancel_all(&self) {
        for subtask in &self.subtasks {
            subtask.do_send(Cancel);
        }
    }

    fn check_done(&mut self) {
        if self.running == 0
            && !self.subtasks.is_empty()
            && let Some(done) = self.done.take()
        {
            let _ = done.send((self.failure.take(), std::mem::take(&mut self.prepared)));
        }
    }
}

impl Actor for JobMaster {
    type Context = Context<Self>;
}

impl Handler<Started> for JobMaster {
    type Result = ();

    fn handle(&mut self, Started(subtasks): Started, _ctx: &mut Self::Context) {
        self.running += isize::try_from(subtasks.len()).expect("invariant: a job has few subtasks");
        self.subtasks = subtasks;
        if self.failure.is_some() {
            self.cancel_all();
        }
        self.check_done();
    }
}

impl Handler<EnumeratorFailed> for JobMaster {
    type Result = ();

    fn handle(&mut self, EnumeratorFailed(error): EnumeratorFailed, _ctx: &mut Self::Context) {
        self.fail(error);
    }
}

impl Handler<Ended> for JobMaster {
    type Result = ();

    fn handle(&mut self, ended: Ended, _ctx: &mut Self::Context) {
        self.running -= 1;
        match ended {
            Ended::Finished(prepared) | Ended::Cancelled(prepared) => self.prepared.extend(prepared),
            Ended::Failed(error) => self.fail(JobError::Task(error)),
        }
        self.check_done();
    }
}
