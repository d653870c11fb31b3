//! Whether a snapshot goes with a job, types aside.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::Manifest;
use crate::error::JobError;
use crate::graph::{NodeId, Plan};

/// Where a snapshot does not go with a job. Empty if it does.
#[derive(Debug)]
pub(crate) struct Fit {
    /// Operators with another number of key groups, and how many they had.
    pub(crate) regrouped: BTreeMap<NodeId, usize>,
    /// Uids of state that no operator of the job takes.
    pub(crate) lost: BTreeSet<String>,
}

impl Fit {
    /// Compares a job with a snapshot that has state of these operators and exchanges.
    pub(crate) fn new<'a>(plan: &Plan, manifest: &'a Manifest, stateful_uids: impl Iterator<Item = &'a str>) -> Self {
        let graph = &plan.graph;
        let nodes = 0..graph.nodes.len();
        let before = |node| Some((node, manifest.operators.get(&graph.uid(node))?.max_parallelism));
        let before = nodes.clone().filter_map(before);
        let regrouped = before.filter(|(node, before)| *before != graph.max_parallelism(*node)).collect();

        let edges = plan.edges.iter().map(|edge| plan.exchange_id(edge).uid.to_string());
        let known: BTreeSet<String> = nodes.map(|node| graph.uid(node)).chain(edges).collect();
        let committables = manifest.committables.iter().filter(|(_, pending)| !pending.is_empty());
        let held = stateful_uids.chain(committables.map(|(uid, _)| uid.as_str()));
        let lost = held.filter(|uid| !known.contains(*uid)).map(str::to_owned).collect();
        Self { regrouped, lost }
    }

    /// Refuses a snapshot that the job would not go on from as its author expects.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), JobError> {
        let graph = &plan.graph;
        if let Some((node, before)) = self.regrouped.first_key_value() {
            return Err(JobError::Restore(format!(
                "operator {} has max parallelism {}, and the snapshot was taken with {before}, which cannot change: set \
                 it to that",
                graph.describe(*node),
                graph.max_parallelism(*node),
            )));
        }
        if self.lost.is_empty() {
            return Ok(());
        }
        let names = self.lost.iter().map(|uid| format!("`{uid}`")).collect::<Vec<_>>().join(", ");
        if graph.settings.allow_non_restored_state {
            tracing::warn!("the snapshot holds state that no operator of the job takes: {names}");
            return Ok(());
        }
        Err(JobError::Restore(format!(
            "the snapshot holds state of {names}, and the job has no operator with that uid: give the operators their \
             uids with `.uid(..)`, or drop the state with --allow-non-restored-state"
        )))
    }
}
