//! Tries whether a job can go on from a snapshot, without running it.

use std::rc::Rc;
use std::sync::Arc;

use super::{Attempt, build, wire};
use crate::channel::exchange::{Payload, Transport};
use crate::error::{Cause, TaskError};
use crate::graph::Plan;
use crate::observe::JobMetrics;
use crate::operator::beside::RunHere;
use crate::operator::{Shares, Wake};
use crate::state::{StateError, TaskSnapshot};
use crate::time::{Clock, ManualClock};

/// What does not fit the types of the job in a sample of a snapshot, each once. An operator, or an exchange, is restored from
/// each entry of its state by itself, and thrown away. Fails if an operator cannot be made at all.
pub(crate) fn misfits(plan: &Arc<Plan>, sample: &TaskSnapshot) -> Result<Vec<StateError>, Box<TaskError>> {
    let mut misfits: Vec<StateError> = Vec::new();
    for (uid, part) in sample.operators() {
        for entry in part.entries_apart() {
            let single = [(uid.to_owned(), entry)].into_iter().collect();
            if let Some(misfit) = restore(plan, uid, single)?
                && !misfits.iter().any(|known| known.to_string() == misfit.to_string())
            {
                misfits.push(misfit);
            }
        }
    }
    Ok(misfits)
}

/// Restores the operator or exchange called `uid`, in all its subtasks.
fn restore(plan: &Arc<Plan>, uid: &str, snapshot: TaskSnapshot) -> Result<Option<StateError>, Box<TaskError>> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let attempt =
        Attempt { run: "check".into(), number: 0, restored: Some(Arc::new(snapshot)), shares: Shares::default() };
    let mut failed = None;
    wire(plan, &clock, &Arc::new(JobMetrics::default()), &attempt, |blueprint| {
        let vertex = blueprint.vertex;
        let sends = plan.edges.iter().any(|edge| edge.from_vertex == vertex && *plan.exchange_id(edge).uid == *uid);
        if sends || plan.vertices[vertex].nodes.iter().any(|node| plan.graph.uid(*node) == uid) {
            let built = build(blueprint, Arc::new(Nowhere), Arc::new(RunHere), Rc::new(|| {}));
            failed = failed.take().or(built.err());
        }
        Box::new(|| Box::new(Nowhere))
    });
    match failed.map(|error| *error) {
        None => Ok(None),
        Some(TaskError { cause: Cause::State(misfit), .. }) => Ok(Some(misfit)),
        Some(error) => Err(Box::new(error)),
    }
}

/// Nothing is sent, and nobody is woken.
struct Nowhere;

impl Wake for Nowhere {
    fn wake(&self) {}
}

impl Transport for Nowhere {
    fn deliver(&self, _channel: usize, _payload: Payload) {}
}
