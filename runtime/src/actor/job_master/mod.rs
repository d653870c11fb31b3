//! The coordinator of one job: runs attempts of it until one ends well or no other is to follow.
//!
//! An attempt ([`attempt`]) starts the subtasks, takes checkpoints and ends; what stays from attempt to attempt is here:
//! where checkpoints are, from which of them to go on, and how often to try.

mod attempt;
mod carried;
mod commits;
mod control;
mod deploy;
mod gathered;
mod restore;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use self::attempt::{AttemptEnd, Start};
use self::restore::Opened;
use self::workers::Workers;
use super::slot::{Slots, ThreadSlots};
use crate::checkpoint::{CheckpointHistory, CheckpointId, CheckpointStore, Decision, Restarts};
use crate::error::JobError;
use crate::graph::Plan;
use crate::observe::JobMetrics;
use crate::state::RowStores;
use crate::testing::Injection;
use crate::time::Clock;

pub(crate) use self::control::{Command, Control, Controller};

/// How long a job that is over waits for old checkpoints to be deleted.
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// A job to be run.
pub(crate) struct JobRun {
    pub(crate) plan: Arc<Plan>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<JobMetrics>,
    pub(crate) history: Arc<CheckpointHistory>,
    pub(crate) control: Control,
}

/// How a job has ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// All of its input has been processed.
    Finished,
    /// It was stopped; the savepoint says where to go on.
    Stopped { savepoint: String },
}

/// Runs a job to its end. Blocks; not to be called on a thread that runs a tokio runtime.
pub(crate) fn run(job: JobRun) -> Result<JobEnd, JobError> {
    System::new().block_on(supervise(job))
}

/// What the attempts of a job share.
pub(crate) struct Shared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<JobMetrics>,
    pub(crate) history: Arc<CheckpointHistory>,
    /// `None` without checkpoints.
    pub(crate) store: Option<CheckpointStore>,
    /// Where keyed operators get stores for their rows; `None` if these are in memory.
    pub(crate) stores: Option<Arc<dyn RowStores>>,
    pub(crate) workers: Workers,
    /// The identity of the run that this job's checkpoints belong to.
    pub(crate) lineage: Arc<str>,
    /// The epoch of the first attempt.
    pub(crate) first_epoch: u64,
}

async fn supervise(job: JobRun) -> Result<JobEnd, JobError> {
    let JobRun { plan, clock, registry, history, mut control } = job;
    let settings = &plan.graph.settings;
    let stores = settings.state_backend.open().map_err(|error| JobError::Start(error.to_string()))?;
    let Opened { store, epoch, restored } = restore::open(settings, &plan)?;
    // Kept for attempts that fail before their first checkpoint.
    let initial = restored.as_ref().map(|(source, restored)| (source.clone(), restored.manifest.clone()));
    let lineage = restore::lineage(store.as_ref(), initial.as_ref().map(|(_, manifest)| manifest))?;
    let mut start = Start { number: 0, epoch, restored: restored.map(|(_, restored)| Arc::new(restored)) };
    let mut restarts = Restarts::new(settings.restart_strategy());
    let workers = Workers::start(&settings.faults)
        .map_err(|error| JobError::Start(format!("no thread for checkpoints: {error}")))?;
    let shared =
        Arc::new(Shared { plan, clock, registry, history, store, stores, workers, lineage, first_epoch: epoch });
    loop {
        let mut number = start.number;
        // Subtasks read them when they are built, on their own threads.
        let _files = start.restored.as_ref().and_then(|restored| restored.files.clone());
        let mut failure = match shared.run_attempt(start, &mut control).await {
            AttemptEnd::Finished => {
                shared.workers.settle(LAST_PAUSE).await;
                return Ok(JobEnd::Finished);
            }
            AttemptEnd::Stopped(id) => {
                shared.workers.settle(LAST_PAUSE).await;
                return Ok(JobEnd::Stopped { savepoint: shared.savepoint_path(id) });
            }
            AttemptEnd::Killed => {
                // What is being written or committed at this moment still is; nothing follows it.
                shared.settle().await;
                return Err(JobError::Killed);
            }
            AttemptEnd::Failed { error, prepared } => {
                commits::abort(&shared.plan, prepared);
                error
            }
            AttemptEnd::Final { error, prepared } => {
                commits::abort(&shared.plan, prepared);
                if matches!(error, JobError::Cancelled) {
                    shared.workers.settle(LAST_PAUSE).await;
                }
                return Err(error);
            }
        };
        // Reading the snapshot may fail as well, and counts like an attempt.
        start = loop {
            shared.pause(&mut restarts, failure, &mut control).await?;
            number += 1;
            match restore::after_failure(&shared, initial.as_ref()) {
                Ok((epoch, restored)) => break Start { number, epoch, restored: restored.map(Arc::new) },
                Err(error) => failure = error,
            }
        };
    }
}

impl Shared {
    fn faults(&self) -> &Injection {
        &self.plan.graph.settings.faults
    }

    fn savepoint_path(&self, id: CheckpointId) -> String {
        self.store.as_ref().map_or(String::new(), |store| store.path_of(id, crate::checkpoint::SnapshotKind::Savepoint))
    }

    async fn run_attempt(self: &Arc<Self>, start: Start, control: &mut Control) -> AttemptEnd {
        let slots = ThreadSlots::new(self.plan.slots);
        let ended = tokio::select! {
            biased;
            () = self.faults().died() => AttemptEnd::Killed,
            ended = attempt::run(self, &slots, start, control) => ended,
        };
        slots.stop();
        if self.faults().is_dead() { AttemptEnd::Killed } else { ended }
    }

    /// Waits after a failure until the job is to start again; fails with it if it is not to. A stop that is asked for
    /// meanwhile ends the job with the failure, too.
    async fn pause(&self, restarts: &mut Restarts, failure: JobError, control: &mut Control) -> Result<(), JobError> {
        let delay = match restarts.after_failure(self.clock.monotonic()) {
            Decision::GiveUp(reason) => {
                tracing::info!(%reason, "the job is not restarted");
                return Err(failure);
            }
            Decision::RestartAfter(delay) => delay,
        };
        tracing::warn!(?delay, "the job has failed and will be restarted: {failure}");
        self.history.restarted();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = control.stop_requested() => return Err(failure),
        }
        self.settle().await;
        Ok(())
    }

    /// Waits until nothing that the failed attempt has begun still writes.
    async fn settle(&self) {
        let timeout = self.plan.graph.settings.checkpointing.as_ref().map_or(Duration::MAX, |set| set.timeout);
        self.workers.settle(timeout).await;
    }
}
