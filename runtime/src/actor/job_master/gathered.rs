//! What has come in of one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Shared;
use crate::checkpoint::{Barrier, CheckpointId, Manifest, OperatorMeta, PartRef, Purpose, SnapshotKind, SubtaskId};
use crate::task::AnyCommittables;
use crate::time::Timestamp;

/// A snapshot under way.
pub(super) struct Gathered {
    pub(super) barrier: Arc<Barrier>,
    /// When it was triggered.
    created: Timestamp,
    pub(super) parts: BTreeMap<SubtaskId, PartRef>,
    /// By the source's uid.
    pub(super) enumerators: BTreeMap<String, Vec<u8>>,
    /// What sinks have prepared, and what was carried over from snapshots that did not commit. Each piece of output is one
    /// snapshot's.
    pub(super) own: Vec<AnyCommittables>,
    /// The lowest barrier before which any of that was written.
    pub(super) own_since: CheckpointId,
    /// What is earlier snapshots' own and was not known to be committed when this one was stored, so that it describes that, too.
    pub(super) inherited: Vec<AnyCommittables>,
    /// The lowest barrier before which anything was written that it describes.
    pub(super) described_since: CheckpointId,
    /// Whether its pointer may have been written, so that nothing it describes may be removed.
    pub(super) is_handed_over: bool,
}

impl Gathered {
    pub(super) fn new(barrier: Arc<Barrier>, created: Timestamp) -> Self {
        Self {
            own: Vec::new(),
            own_since: barrier.id,
            inherited: Vec::new(),
            described_since: barrier.id,
            barrier,
            created,
            parts: BTreeMap::new(),
            enumerators: BTreeMap::new(),
            is_handed_over: false,
        }
    }

    /// All output that the pointer describes.
    pub(super) fn described(&self) -> impl Iterator<Item = &AnyCommittables> {
        self.inherited.iter().chain(&self.own)
    }

    pub(super) fn kind(&self) -> SnapshotKind {
        match self.barrier.purpose {
            Purpose::Savepoint { .. } => SnapshotKind::Savepoint,
            Purpose::Checkpoint | Purpose::CommitOnly => SnapshotKind::Checkpoint,
        }
    }

    /// What the pointer says.
    pub(super) fn manifest(&self, shared: &Shared, epoch: u64) -> Manifest {
        let graph = &shared.plan.graph;
        let operator = |node: usize| OperatorMeta {
            name: graph.nodes[node].name.clone(),
            parallelism: graph.parallelism(node),
            max_parallelism: graph.max_parallelism(node),
        };
        let mut committables: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for prepared in self.described() {
            let of_sink = committables.entry(graph.uid(prepared.sink)).or_default();
            of_sink.extend(prepared.committables.iter().cloned());
        }
        Manifest {
            id: self.barrier.id,
            kind: self.kind(),
            job: graph.settings.job.clone(),
            lineage: shared.lineage.to_string(),
            epoch,
            created: self.created,
            unaligned: self.barrier.overtake_at < Timestamp::MAX,
            operators: (0..graph.nodes.len()).map(|node| (graph.uid(node), operator(node))).collect(),
            parts: self.parts.values().cloned().collect(),
            enumerators: self.enumerators.clone(),
            committables,
        }
    }
}
