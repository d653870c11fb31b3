//! Tries a job against the snapshot that it would go on from, and runs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contents::Contents;
use super::report::{OperatorCheck, Outcome, Pending, Positions, RestoreCheck};
use super::{Fit, find};
use crate::checkpoint::{CheckpointError, CheckpointStore, Manifest};
use crate::connector::SourceError;
use crate::error::{JobError, TaskError, blame};
use crate::graph::{Body, NodeId, Plan};
use crate::state::{StateError, TaskSnapshot};
use crate::task::misfits;

/// What would be restored, and what stands in the way. Fails if there is no snapshot that can be read.
pub(crate) fn check(plan: &Arc<Plan>) -> Result<RestoreCheck, JobError> {
    let settings = &plan.graph.settings;
    let Some(from) = &settings.restore else {
        return Err(JobError::Restore("the job was not told what to go on from: say so with --restore".to_owned()));
    };
    let store = settings.checkpointing.as_ref().map(|checkpointing| checkpointing.open()).transpose()?;
    let (source, manifest) = find(from, settings, store.as_ref())?;
    let found = Found::read(&source, &manifest)?;
    let is_committed = source.is_committed(manifest.id, manifest.kind)?;
    let operators = found.operators(plan, &manifest)?;
    let pending = manifest.committables.iter().filter(|(_, pending)| !pending.is_empty());
    let reading = found.contents.iter().filter(|(_, contents)| contents.splits > 0);
    Ok(RestoreCheck {
        snapshot: source.path_of(manifest.id, manifest.kind),
        operators,
        positions: reading
            .map(|(uid, contents)| Positions {
                source: uid.clone(),
                splits: contents.splits,
                first: contents.positions.clone(),
            })
            .collect(),
        pending: pending
            .map(|(uid, pending)| Pending { sink: uid.clone(), count: pending.len(), is_committed })
            .collect(),
    })
}

/// What has been read of a snapshot: not all of it is kept, which may be much.
struct Found {
    /// By uid.
    contents: BTreeMap<String, Contents>,
    sample: TaskSnapshot,
}

impl Found {
    fn read(store: &CheckpointStore, manifest: &Manifest) -> Result<Self, CheckpointError> {
        let (mut contents, mut samples): (BTreeMap<String, Contents>, _) = (BTreeMap::new(), Vec::new());
        for part in &manifest.parts {
            let snapshot = store.read_part(part)?;
            let sample = snapshot.sampled();
            for (uid, part) in snapshot.operators() {
                let sampled = sample.get(uid).cloned().unwrap_or_default();
                contents.entry(uid.to_owned()).or_default().add(part, &sampled);
            }
            samples.push(sample);
        }
        Ok(Self { contents, sample: TaskSnapshot::merge(samples).sampled() })
    }

    /// The operators of the job in order, then exchanges with records in flight, then what is not in the job.
    fn operators(&self, plan: &Arc<Plan>, manifest: &Manifest) -> Result<Vec<OperatorCheck>, JobError> {
        let graph = &plan.graph;
        let stateful = self.contents.iter().filter(|(_, contents)| contents.is_stateful).map(|(uid, _)| uid.as_str());
        let fit = Fit::new(plan, manifest, stateful);
        let mut checks = Vec::new();
        for node in 0..graph.nodes.len() {
            let uid = graph.uid(node);
            let outcome = match fit.regrouped.get(&node) {
                Some(before) => Outcome::Regrouped { before: *before, now: graph.max_parallelism(node) },
                None => self.outcome(plan, manifest, (&uid, node))?,
            };
            checks.push(OperatorCheck { uid, outcome });
        }
        for edge in &plan.edges {
            let uid = plan.exchange_id(edge).uid.to_string();
            if self.contents.contains_key(&uid) {
                let outcome = self.outcome(plan, manifest, (&uid, edge.from))?;
                checks.push(OperatorCheck { uid, outcome });
            }
        }
        let dropped = graph.settings.allow_non_restored_state;
        checks.extend(fit.lost.into_iter().map(|uid| OperatorCheck { uid, outcome: Outcome::NotInJob { dropped } }));
        Ok(checks)
    }

    /// What becomes of an operator's state, or that of an exchange, which `node` sends to.
    fn outcome(&self, plan: &Arc<Plan>, manifest: &Manifest, (uid, node): (&str, NodeId)) -> Result<Outcome, JobError> {
        let mut objections = self.misfits(plan, uid)?;
        objections.extend(enumerator_misfit(plan, manifest, (uid, node)));
        if !objections.is_empty() {
            return Ok(Outcome::Incompatible(objections));
        }
        let Some(contents) = self.contents.get(uid).filter(|contents| contents.is_stateful) else {
            return Ok(Outcome::Nothing);
        };
        let now = plan.graph.parallelism(node);
        let before = manifest.operators.get(&plan.graph.uid(node)).map_or(now, |before| before.parallelism);
        Ok(Outcome::Restored { held: contents.describe(), before, now })
    }

    fn misfits(&self, plan: &Arc<Plan>, uid: &str) -> Result<Vec<String>, Box<TaskError>> {
        let Some(sample) = self.sample.get(uid) else { return Ok(Vec::new()) };
        let sample = [(uid.to_owned(), sample.clone())].into_iter().collect();
        let mut said: Vec<String> = misfits(plan, &sample)?.iter().map(told).collect();
        let database = self.contents.get(uid).and_then(|contents| contents.database.clone());
        if let Some(database) = database.filter(|_| !cfg!(feature = "rocksdb")) {
            said.push(told(&StateError::NeedsRocksDb { database }));
        }
        Ok(said)
    }
}

/// Without the operator's name, which stands before it.
fn told(error: &StateError) -> String {
    match error {
        StateError::Decode(misfit) => misfit.place_and_reason(),
        other => other.to_string(),
    }
}

/// Why a source's enumerator cannot be made from the snapshot. It is not asked for splits.
fn enumerator_misfit(plan: &Plan, manifest: &Manifest, (uid, node): (&str, NodeId)) -> Option<String> {
    let Body::Source { enumerator, .. } = &plan.graph.nodes[node].body else { return None };
    let state = manifest.enumerators.get(uid)?;
    let made = blame::catch_as(SourceError::Panicked, || enumerator(Some(state)).map(drop));
    made.err().map(|error| error.to_string())
}
