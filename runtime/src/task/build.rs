//! Puts the chain of one subtask together from the plan.

use std::rc::Rc;
use std::sync::Arc;

use super::inputs::Inputs;
use super::step::{Head, Task};
use crate::channel::input::{ChannelSource, InputGate};
use crate::error::{Cause, Site, TaskError};
use crate::graph::{AnyCredits, AnyTarget, Body, Downstream, NodeContext, NodeId, Plan, RuntimeMode};
use crate::observe::{JobMetrics, OperatorMetrics, TaskMetrics};
use crate::operator::beside::RunBeside;
use crate::operator::{AnyStage, Shares, SideOutputs, TaskContext, TaskInfo, Wake};
use crate::state::TaskSnapshot;
use crate::testing::FaultPoint;
use crate::time::Clock;

/// Everything that a subtask is made of.
pub(crate) struct TaskBlueprint {
    pub(crate) plan: Arc<Plan>,
    pub(crate) vertex: usize,
    pub(crate) info: TaskInfo,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<JobMetrics>,
    pub(crate) shares: Shares,
    /// What the job goes on from.
    pub(crate) restored: Option<Arc<TaskSnapshot>>,
    /// The channels into the subtask, by number.
    pub(crate) channels: Vec<ChannelSource>,
    /// For each of the head's edges: its credits.
    pub(crate) credits: Vec<AnyCredits>,
    /// For each exchange out of the subtask: its index in the plan, and where it leads.
    pub(crate) outputs: Vec<(usize, Vec<AnyTarget>)>,
}

/// Builds a subtask on the thread that it will run on.
pub(crate) fn build(
    blueprint: TaskBlueprint,
    waker: Arc<dyn Wake>,
    beside: Arc<dyn RunBeside>,
    request_splits: Rc<dyn Fn()>,
) -> Result<Task, Box<TaskError>> {
    let TaskBlueprint { plan, vertex, info, clock, registry, shares, restored, channels, credits, outputs } = blueprint;
    let context = TaskContext::with_shares(info.clone(), (clock, waker, beside), shares);
    context.set_batch(plan.graph.settings.mode == RuntimeMode::Batch);
    let head = plan.vertices[vertex].nodes[0];
    let metrics = Arc::new(TaskMetrics {
        head: plan.graph.nodes[head].name.clone(),
        subtask: info.subtask,
        ..Default::default()
    });
    registry.add_task(&info, Arc::clone(&metrics));
    let mut builder = ChainBuilder { plan: &plan, context: &context, registry: &registry, outputs, request_splits };
    let head = match &plan.graph.nodes[head].body {
        Body::Source { make, .. } => {
            let node = builder.node_context(head);
            let downstream = builder.downstream(head)?;
            Head::Source(make(node, downstream)?)
        }
        Body::Operator(_) | Body::Sink { .. } => {
            let stages = builder.stages(head)?;
            let inputs = &plan.graph.nodes[head].inputs;
            let mut edges = vec![(0, 0); inputs.len()];
            let mut ports = Vec::new();
            for (port, stage) in stages.into_iter().enumerate() {
                let mut port_credits = Vec::new();
                let mut edge_type = None;
                for (at, edge) in inputs.iter().enumerate().filter(|(_, edge)| edge.port == port) {
                    edges[at] = (port, port_credits.len());
                    port_credits.push(Arc::clone(&credits[at]));
                    edge_type.get_or_insert(&edge.edge_type);
                }
                let edge_type = edge_type.expect("invariant: every input of an operator is connected");
                ports.push(edge_type.port(stage, port_credits));
            }
            let incoming = plan.edges.iter().filter(|edge| edge.to_vertex == vertex);
            let may_overtake = incoming.clone().all(|edge| edge.partitioning.may_be_overtaken());
            let mut edge_uids = vec![Arc::from(""); inputs.len()];
            for edge in incoming {
                edge_uids[edge.input] = plan.exchange_id(edge).uid;
            }
            let gate = InputGate::new(&channels, may_overtake);
            Head::Inputs(Box::new(Inputs { gate, ports, edges, edge_uids }))
        }
    };
    let mut task = Task::new(context, metrics, head, plan.graph.settings.faults.clone());
    if let Some(snapshot) = restored {
        task.restore(&snapshot).map_err(|error| TaskError::at(Site::default(), error))?;
        let struck = plan.graph.settings.faults.strike(FaultPoint::Restore);
        struck.map_err(|fault| TaskError::at(Site::default(), Cause::User(fault.into())))?;
    }
    Ok(task)
}

struct ChainBuilder<'a> {
    plan: &'a Plan,
    context: &'a Rc<TaskContext>,
    registry: &'a JobMetrics,
    outputs: Vec<(usize, Vec<AnyTarget>)>,
    request_splits: Rc<dyn Fn()>,
}

impl ChainBuilder<'_> {
    fn node_context(&self, node: NodeId) -> NodeContext {
        let metrics = OperatorMetrics::new(node, self.plan.graph.nodes[node].name.clone(), self.context.info.subtask);
        self.registry.add_operator(&self.context.info, Arc::clone(&metrics));
        NodeContext {
            node,
            uid: self.plan.graph.uid(node).into(),
            task: Rc::clone(self.context),
            metrics,
            request_splits: Rc::clone(&self.request_splits),
        }
    }

    /// The stages of a node, one for each of its inputs, with all that stands behind them.
    fn stages(&mut self, node: NodeId) -> Result<Vec<AnyStage>, Box<TaskError>> {
        let context = self.node_context(node);
        let downstream = self.downstream(node)?;
        match &self.plan.graph.nodes[node].body {
            Body::Operator(make) | Body::Sink { make, .. } => make(context, downstream),
            Body::Source { .. } => Ok(Vec::new()),
        }
    }

    fn downstream(&mut self, node: NodeId) -> Result<Downstream, Box<TaskError>> {
        let main = self.consumers(node, None)?;
        let mut sides = SideOutputs::default();
        for tag in self.side_tags(node) {
            let stages = self.consumers(node, Some(tag))?;
            let mut edges = self.plan.graph.nodes.iter().flat_map(|node| &node.inputs);
            let edge = edges.find(|edge| edge.from == node && edge.side == Some(tag));
            let edge = edge.expect("invariant: a tag comes from an edge");
            sides.insert(tag, edge.edge_type.side(stages));
        }
        Ok(Downstream { main, sides })
    }

    fn side_tags(&self, node: NodeId) -> Vec<&'static str> {
        let edges = self.plan.graph.nodes.iter().flat_map(|node| &node.inputs).filter(|edge| edge.from == node);
        let mut tags: Vec<&'static str> = edges.filter_map(|edge| edge.side).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// What reads a node's main or side output: chained operators and exchanges.
    fn consumers(&mut self, node: NodeId, side: Option<&'static str>) -> Result<Vec<AnyStage>, Box<TaskError>> {
        let plan = self.plan;
        let mut stages = Vec::new();
        let chained = plan.chained_consumers(node).filter(|(_, edge)| edge.side == side);
        for consumer in chained.map(|(consumer, _)| consumer).collect::<Vec<_>>() {
            stages.extend(self.stages(consumer)?);
        }
        for (index, edge) in plan.edges.iter().enumerate().filter(|(_, edge)| edge.from == node && edge.side == side) {
            let at = self.outputs.iter().position(|(output, _)| *output == index);
            let (_, targets) = self.outputs.swap_remove(at.expect("invariant: every exchange is wired"));
            let id = plan.exchange_id(edge);
            let edge_type = &plan.logical(edge).edge_type;
            stages.push(edge_type.exchange(id, Rc::clone(self.context), edge.partitioning, targets));
        }
        Ok(stages)
    }
}
