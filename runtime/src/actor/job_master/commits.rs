//! The committers of a job's sinks: on a thread of their own, one commit after another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::restore::Restored;
use crate::connector::{RecoverContext, SinkError};
use crate::error::{JobError, blame};
use crate::graph::{Body, NodeId, Plan};
use crate::task::{AnyCommittables, AnyCommitter, Committables};
use crate::testing::{FaultPoint, InjectedFault, Injection};

/// The committers of one attempt.
#[derive(Clone, Default)]
pub(super) struct Committers {
    sinks: Arc<Mutex<BTreeMap<NodeId, Committing>>>,
}

struct Committing {
    name: String,
    committer: Box<dyn AnyCommitter>,
}

impl Committers {
    /// Makes the committers, has them commit what the restored snapshot describes, and remove what earlier attempts have
    /// left. Before any writer starts.
    pub(super) fn recover(&self, shared: &Shared, attempt: u32, restored: Option<&Restored>) -> Result<(), JobError> {
        let graph = &shared.plan.graph;
        for (sink, node) in graph.nodes.iter().enumerate() {
            let Body::Sink { committer, .. } = &node.body else { continue };
            let pending = restored.filter(|restored| !restored.is_committed);
            let pending = pending.and_then(|restored| restored.manifest.committables.get(&graph.uid(sink)));
            let ctx = RecoverContext {
                job: graph.settings.job.as_str().into(),
                run: Arc::clone(&shared.lineage),
                sink: graph.uid(sink).into(),
                attempt,
                restored: restored.is_some(),
                checkpoint_interval: graph.settings.checkpointing.as_ref().map(|settings| settings.interval),
            };
            let recovered = blame::catch_as(SinkError::Panicked, || {
                struck(graph.settings.faults.strike(FaultPoint::Recover))?;
                let mut committer = committer()?;
                committer.recover(ctx, pending.map_or(&[], Vec::as_slice))?;
                Ok(committer)
            });
            let name = node.name.clone();
            let committer = recovered.map_err(|error| JobError::Recover { sink_name: name.clone(), error })?;
            self.lock().insert(sink, Committing { name, committer });
        }
        Ok(())
    }

    /// Makes prepared output visible.
    pub(super) fn commit(&self, prepared: Vec<AnyCommittables>, faults: &Injection) -> Result<(), JobError> {
        for (sink, committables) in by_sink(prepared) {
            let mut sinks = self.lock();
            let Some(Committing { name, committer }) = sinks.get_mut(&sink) else { continue };
            let committed = blame::catch_as(SinkError::Panicked, || {
                struck(faults.strike(FaultPoint::Commit))?;
                committer.commit(&committables)?;
                struck(faults.strike(FaultPoint::SinkCommitted))
            });
            committed.map_err(|error| JobError::Commit { sink_name: name.clone(), error })?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Committing>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn struck(fault: Result<(), InjectedFault>) -> Result<(), SinkError> {
    fault.map_err(|fault| SinkError::Invalid(fault.to_string()))
}

/// Removes output that will never be made visible.
pub(super) fn abort(plan: &Plan, prepared: Vec<AnyCommittables>) {
    for (sink, committables) in by_sink(prepared) {
        let node = &plan.graph.nodes[sink];
        let Body::Sink { committer, .. } = &node.body else { continue };
        if let Err(error) = blame::catch_as(SinkError::Panicked, || committer()?.abort(&committables)) {
            tracing::warn!(sink = %node.name, "output of the failed job could not be removed: {error}");
        }
    }
}

fn by_sink(prepared: Vec<AnyCommittables>) -> BTreeMap<NodeId, Committables> {
    let mut by_sink: BTreeMap<NodeId, Committables> = BTreeMap::new();
    for AnyCommittables { sink, committables } in prepared {
        by_sink.entry(sink).or_default().extend(committables);
    }
    by_sink
}
