//! Connects the subtasks of a plan: numbers the channels, shares the credits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::TaskBlueprint;
use crate::channel::exchange::Transport;
use crate::channel::input::ChannelSource;
use crate::graph::{AnyCredits, AnyTarget, Plan};
use crate::observe::JobMetrics;
use crate::operator::{Shares, TaskInfo};
use crate::state::TaskSnapshot;
use crate::time::Clock;

/// Makes a transport to one started subtask; called once for each channel into it.
pub(crate) type MakeTransport = Box<dyn Fn() -> Box<dyn Transport>>;

/// Which of a job's attempts the subtasks belong to.
#[derive(Clone)]
pub(crate) struct Attempt {
    /// The identity of the run, see [`RecoverContext::run`](crate::connector::RecoverContext::run).
    pub(crate) run: Arc<str>,
    /// How often the job has been restarted.
    pub(crate) number: u32,
    /// What the job goes on from.
    pub(crate) restored: Option<Arc<TaskSnapshot>>,
    pub(crate) shares: Shares,
}

/// Describes every subtask of a plan, receivers before their senders, and has `start` start it.
pub(crate) fn wire(
    plan: &Arc<Plan>,
    clock: &Arc<dyn Clock>,
    registry: &Arc<JobMetrics>,
    attempt: &Attempt,
    mut start: impl FnMut(TaskBlueprint) -> MakeTransport,
) {
    let mut receivers: BTreeMap<(usize, usize), Receiver> = BTreeMap::new();
    // Vertices stand before those they send to.
    for (vertex_id, vertex) in plan.vertices.iter().enumerate().rev() {
        for subtask in 0..vertex.parallelism {
            let channels = channels_into(plan, vertex_id, subtask);
            let credits = credits_of(plan, vertex_id, &channels);
            let blueprint = TaskBlueprint {
                plan: Arc::clone(plan),
                vertex: vertex_id,
                info: TaskInfo {
                    job: plan.graph.settings.job.as_str().into(),
                    run: Arc::clone(&attempt.run),
                    subtask,
                    parallelism: vertex.parallelism,
                    max_parallelism: vertex.max_parallelism,
                    attempt: attempt.number,
                    restored: attempt.restored.is_some(),
                },
                restored: attempt.restored.clone(),
                shares: attempt.shares.clone(),
                clock: Arc::clone(clock),
                registry: Arc::clone(registry),
                channels: channels.iter().map(|channel| channel.source(plan)).collect(),
                credits: credits.values().cloned().collect(),
                outputs: outputs_of(plan, vertex_id, subtask, &receivers),
            };
            let transport = start(blueprint);
            receivers.insert((vertex_id, subtask), Receiver { transport, channels, credits });
        }
    }
}

/// A channel into a subtask: the exchange and the sender it comes from, and its number in that exchange's credits.
struct Channel {
    edge: usize,
    sender: usize,
    credit_channel: usize,
}

impl Channel {
    fn source(&self, plan: &Plan) -> ChannelSource {
        ChannelSource { input: plan.edges[self.edge].input, sender: self.sender }
    }
}

/// A subtask that others send to.
struct Receiver {
    transport: MakeTransport,
    channels: Vec<Channel>,
    /// By exchange.
    credits: BTreeMap<usize, AnyCredits>,
}

impl Receiver {
    fn target(&self, edge: usize, sender: usize) -> AnyTarget {
        let is_ours = |channel: &Channel| channel.edge == edge && channel.sender == sender;
        let channel = self.channels.iter().position(is_ours).expect("invariant: both ends agree on the channels");
        AnyTarget {
            channel,
            credit_channel: self.channels[channel].credit_channel,
            credits: Arc::clone(&self.credits[&edge]),
            transport: (self.transport)(),
        }
    }
}

/// The channels into one subtask, in the order of their numbers.
fn channels_into(plan: &Plan, vertex: usize, subtask: usize) -> Vec<Channel> {
    let mut channels = Vec::new();
    for (index, edge) in plan.edges.iter().enumerate().filter(|(_, edge)| edge.to_vertex == vertex) {
        let senders = plan.vertices[edge.from_vertex].parallelism;
        let receivers = plan.vertices[vertex].parallelism;
        let connected =
            (0..senders).filter(|sender| edge.partitioning.targets(*sender, senders, receivers).contains(&subtask));
        channels.extend(connected.enumerate().map(|(credit_channel, sender)| Channel {
            edge: index,
            sender,
            credit_channel,
        }));
    }
    channels
}

fn credits_of(plan: &Plan, vertex: usize, channels: &[Channel]) -> BTreeMap<usize, AnyCredits> {
    let inputs = plan.edges.iter().enumerate().filter(|(_, edge)| edge.to_vertex == vertex);
    inputs
        .map(|(index, edge)| {
            let count = channels.iter().filter(|channel| channel.edge == index).count();
            (index, plan.logical(edge).edge_type.credits(count))
        })
        .collect()
}

fn outputs_of(
    plan: &Plan,
    vertex: usize,
    subtask: usize,
    receivers: &BTreeMap<(usize, usize), Receiver>,
) -> Vec<(usize, Vec<AnyTarget>)> {
    let outputs = plan.edges.iter().enumerate().filter(|(_, edge)| edge.from_vertex == vertex);
    outputs
        .map(|(index, edge)| {
            let senders = plan.vertices[vertex].parallelism;
            let targets = edge.partitioning.targets(subtask, senders, plan.vertices[edge.to_vertex].parallelism);
            let target = |to: usize| receivers[&(edge.to_vertex, to)].target(index, subtask);
            (index, targets.into_iter().map(target).collect())
        })
        .collect()
}
