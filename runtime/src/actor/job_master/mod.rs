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

use self::attempt::AttemptEnd;
use self::restore::Restored;
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
}

async fn supervise(job: JobRun) -> Result<JobEnd, JobError> {
    let JobRun { plan, clock, registry, history, mut control } = job;
    let settings = &plan.graph.settings;
    let stores = settings.state_backend.open().map_err(|error| JobError::Start(error.to_string()))?;
    let restore::Opened { store, restored: opened } = restore::open(settings, &plan)?;
    let lineage = restore::lineage(store.as_ref(), opened.as_ref().map(|(_, restored)| &restored.manifest))?;
    // Kept for attempts that fail before their first checkpoint.
    let initial = opened.as_ref().map(|(source, restored)| (source.clone(), restored.manifest.clone()));
    let mut restored = opened.map(|(_, restored)| Arc::new(restored));
    let mut restarts = Restarts::new(settings.restart_strategy());
    let workers = Workers::start(&settings.faults)
        .map_err(|error| JobError::Start(format!("no thread for checkpoints: {error}")))?;
    let shared = Arc::new(Shared { plan, clock, registry, history, store, stores, workers, lineage });
    let mut number = 0;
    loop {
        // Subtasks read them when they are built, on their own threads.
        let _files = restored.as_ref().and_then(|restored| restored.files.clone());
        let mut failure = match shared.run_attempt((number, restored.take()), &mut control).await {
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
        restored = loop {
            shared.pause(&mut restarts, failure, &mut control).await?;
            number += 1;
            match restore::after_failure(&shared, initial.as_ref()) {
                Ok(restored) => break restored.map(Arc::new),
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

    async fn run_attempt(
        self: &Arc<Self>,
        (number, restored): (u32, Option<Arc<Restored>>),
        control: &mut Control,
    ) -> AttemptEnd {
        let slots = ThreadSlots::new(self.plan.slots);
        let ended = tokio::select! {
            biased;
            () = self.faults().died() => AttemptEnd::Killed,
            ended = attempt::run(self, &slots, (number, restored), control) => ended,
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
