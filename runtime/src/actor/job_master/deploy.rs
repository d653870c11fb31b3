//! Starts the parts of an attempt: committers, enumerators, subtasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::prelude::*;

use super::Shared;
use super::attempt::JobMaster;
use super::attempt::messages::EnumeratorFailed;
use super::restore::Restored;
use crate::actor::enumerator::EnumeratorHandle;
use crate::actor::slot::Slots;
use crate::actor::subtask::{Mailbox, Subtask};
use crate::connector::SourceError;
use crate::error::{JobError, blame};
use crate::graph::{Body, NodeId};
use crate::operator::Shares;
use crate::task::{Attempt, wire};

/// Finds the first splits of every source, so that an input that does not exist fails the job before it starts.
pub(super) fn start_enumerators(
    shared: &Shared,
    restored: Option<&Restored>,
    master: &Addr<JobMaster>,
) -> Result<BTreeMap<NodeId, EnumeratorHandle>, JobError> {
    let graph = &shared.plan.graph;
    let mut handles = BTreeMap::new();
    for id in shared.plan.sources() {
        let node = &graph.nodes[id];
        let Body::Source { enumerator, .. } = &node.body else { continue };
        let state = restored.and_then(|restored| restored.manifest.enumerators.get(&graph.uid(id)));
        let failed = |error| JobError::Enumerator { source_name: node.name.clone(), error };
        let discovered = blame::catch_as(SourceError::Panicked, || {
            let mut enumerator = enumerator(state.map(Vec::as_slice))?;
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

/// A subtask that has been started.
pub(super) struct Started {
    pub(super) address: Addr<Subtask>,
    /// The head of its chain.
    pub(super) head: NodeId,
    /// Whether nobody sends to it.
    pub(super) is_root: bool,
}

/// Starts all subtasks, receivers before their senders.
pub(super) fn start_subtasks(
    shared: &Arc<Shared>,
    slots: &impl Slots,
    enumerators: &BTreeMap<NodeId, EnumeratorHandle>,
    (attempt, restored): (u32, Option<&Restored>),
    master: &Addr<JobMaster>,
) -> Vec<Started> {
    let mut subtasks: Vec<Started> = Vec::new();
    let restored = restored.map(|restored| Arc::clone(&restored.snapshot));
    let shares = Shares { stores: shared.stores.clone(), ..Shares::default() };
    let attempt = Attempt { run: Arc::clone(&shared.lineage), number: attempt, restored, shares };
    wire(&shared.plan, &shared.clock, &shared.registry, &attempt, |blueprint| {
        let vertex = &shared.plan.vertices[blueprint.vertex];
        let slot = vertex.first_slot + blueprint.info.subtask;
        let head = vertex.nodes[0];
        let enumerator = enumerators.get(&head).cloned();
        let is_root = blueprint.channels.is_empty();
        let report = master.clone().recipient();
        let id = subtasks.len();
        let address = slots.start(slot, move |_| Subtask::new(blueprint, enumerator, id, report));
        subtasks.push(Started { address: address.clone(), head, is_root });
        Box::new(move || Box::new(Mailbox(address.clone())))
    });
    subtasks
}
