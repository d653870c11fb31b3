//! From the logical graph to chains: resolve, check, chain.

use std::collections::{BTreeMap, HashMap};

use super::edge::RecordType;
use super::{Body, Chaining, Edge, Graph, Node, NodeId, RuntimeMode};
use crate::channel::exchange::ExchangeId;
use crate::channel::partitioner::Partitioning;
use crate::connector::{Boundedness, Guarantee};
use crate::error::BuildError;
use crate::state::{MAX_KEY_GROUPS, StateBackend};

/// The physical graph of a job.
pub struct Plan {
    pub(crate) graph: Graph,
    /// The chains, each before those it sends to.
    pub(crate) vertices: Vec<Vertex>,
    /// The exchanges between them.
    pub(crate) edges: Vec<PlanEdge>,
    /// How many slots (threads) the job needs.
    pub(crate) slots: usize,
}

/// A chain of operators that share subtasks.
#[derive(Debug, Clone)]
pub struct Vertex {
    /// The operators, the head first.
    pub(crate) nodes: Vec<NodeId>,
    /// How many subtasks it has.
    pub(crate) parallelism: usize,
    pub(crate) max_parallelism: usize,
    /// The first of its slots: subtask `i` runs in slot `first_slot + i`.
    pub(crate) first_slot: usize,
    /// The names of its operators.
    pub(crate) name: String,
}

/// An exchange between two chains.
#[derive(Debug, Clone)]
pub struct PlanEdge {
    pub(crate) from: NodeId,
    pub(crate) side: Option<&'static str>,
    pub(crate) to: NodeId,
    /// Which of the receiver's edges it is.
    pub(crate) input: usize,
    pub(crate) from_vertex: usize,
    pub(crate) to_vertex: usize,
    pub(crate) partitioning: Partitioning,
}

impl Plan {
    /// Checks a job and joins its operators into chains.
    pub(crate) fn new(graph: Graph) -> Result<Self, BuildError> {
        check(&graph)?;
        let partitionings = resolve_partitioning(&graph)?;
        let (mut vertices, vertex_of) = chains(&graph, &partitionings);
        let slots = assign_slots(&graph, &mut vertices);
        let mut edges = Vec::new();
        for (to, node) in graph.nodes.iter().enumerate() {
            for (input, edge) in node.inputs.iter().enumerate() {
                if !is_chained(&graph, to, &partitionings[to]) {
                    edges.push(PlanEdge {
                        from: edge.from,
                        side: edge.side,
                        to,
                        input,
                        from_vertex: vertex_of[edge.from],
                        to_vertex: vertex_of[to],
                        partitioning: partitionings[to][input],
                    });
                }
            }
        }
        Ok(Self { graph, vertices, edges, slots })
    }

    /// The consumers of a node's main (`None`) or side output that are chained to it.
    pub(crate) fn chained_consumers(&self, node: NodeId) -> impl Iterator<Item = (NodeId, &Edge)> {
        self.graph.nodes.iter().enumerate().flat_map(move |(to, consumer)| {
            let chained = !self.edges.iter().any(|edge| edge.to == to);
            consumer.inputs.iter().filter(move |edge| chained && edge.from == node).map(move |edge| (to, edge))
        })
    }

    /// The edge of the logical graph that an exchange carries.
    pub(crate) fn logical(&self, edge: &PlanEdge) -> &Edge {
        &self.graph.nodes[edge.to].inputs[edge.input]
    }

    /// What an exchange is called.
    pub(crate) fn exchange_id(&self, edge: &PlanEdge) -> ExchangeId {
        let side = edge.side.map_or(String::new(), |tag| format!("/{tag}"));
        let uid = format!("{}{side} -> {}/{}", self.graph.uid(edge.from), self.graph.uid(edge.to), edge.input);
        let [from, to] = [edge.from, edge.to].map(|node| &self.graph.nodes[node].name);
        let key_groups = self.graph.max_parallelism(edge.to);
        ExchangeId { uid: uid.into(), name: format!("{from}{side} -> {to}").into(), key_groups }
    }
}

/// What has no end cannot have final results, and what is run again as a whole has nothing to go on from.
fn check_batch(graph: &Graph) -> Result<(), BuildError> {
    if let Some(id) = graph.nodes.iter().position(is_unbounded) {
        return Err(BuildError::UnboundedInBatchMode { source_operator: graph.describe(id) });
    }
    let settings = &graph.settings;
    let refused = [
        (settings.checkpointing.is_some(), "takes no checkpoints"),
        (settings.restore.is_some(), "goes on from no snapshot"),
        (settings.state_backend != StateBackend::Heap, "keeps state in memory only"),
    ];
    match refused.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, what)) => Err(BuildError::NotInBatchMode { what }),
        None => Ok(()),
    }
}

fn is_unbounded(node: &Node) -> bool {
    matches!(node.body, Body::Source { boundedness: Boundedness::Unbounded, .. })
}

fn check(graph: &Graph) -> Result<(), BuildError> {
    if graph.nodes.is_empty() {
        return Err(BuildError::Empty);
    }
    if graph.settings.mode == RuntimeMode::Batch {
        check_batch(graph)?;
    }
    let mut uids: HashMap<String, NodeId> = HashMap::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        let operator = || graph.describe(id);
        if let Some(reason) = &node.invalid {
            return Err(BuildError::Operator { operator: operator(), reason: reason.clone() });
        }
        let (parallelism, max_parallelism) = (graph.parallelism(id), graph.max_parallelism(id));
        if parallelism == 0 {
            return Err(BuildError::ZeroParallelism { operator: operator() });
        }
        if !(1..=MAX_KEY_GROUPS).contains(&max_parallelism) {
            return Err(BuildError::MaxParallelismOutOfRange { operator: operator(), max_parallelism });
        }
        if parallelism > max_parallelism {
            return Err(BuildError::ParallelismAboveMax { operator: operator(), parallelism, max_parallelism });
        }
        let identity_counts = node.uid.is_some() || (node.stateful && !node.anonymous);
        if identity_counts && let Some(first) = uids.insert(graph.uid(id), id) {
            return Err(BuildError::DuplicateUid {
                uid: graph.uid(id),
                first: graph.describe(first),
                second: operator(),
            });
        }
    }
    check_side_outputs(graph)
}

/// Tags of one name must have one type. Those of main outputs the stream API has checked.
fn check_side_outputs(graph: &Graph) -> Result<(), BuildError> {
    let mut types: HashMap<(NodeId, &'static str), RecordType> = HashMap::new();
    for edge in graph.nodes.iter().flat_map(|node| &node.inputs) {
        let Some(tag) = edge.side else { continue };
        let second = edge.edge_type.record_type();
        let first = *types.entry((edge.from, tag)).or_insert(second);
        if first.id != second.id {
            let operator = graph.describe(edge.from);
            return Err(BuildError::SideOutputTypes { tag, operator, first: first.name, second: second.name });
        }
    }
    Ok(())
}

/// The partitioning of each node's inputs.
fn resolve_partitioning(graph: &Graph) -> Result<Vec<Vec<Partitioning>>, BuildError> {
    let resolve = |to: NodeId, edge: &Edge| {
        let (upstream, downstream) = (graph.parallelism(edge.from), graph.parallelism(to));
        match edge.partitioning {
            Some(Partitioning::Forward) if upstream != downstream => Err(BuildError::ForwardMismatch {
                from: graph.describe(edge.from),
                to: graph.describe(to),
                upstream,
                downstream,
            }),
            Some(partitioning) => Ok(partitioning),
            None if upstream == downstream => Ok(Partitioning::Forward),
            None => Ok(Partitioning::Rebalance),
        }
    };
    let nodes = graph.nodes.iter().enumerate();
    nodes.map(|(to, node)| node.inputs.iter().map(|edge| resolve(to, edge)).collect()).collect()
}

/// Whether a node shares its subtask with the node that it reads from.
fn is_chained(graph: &Graph, to: NodeId, partitionings: &[Partitioning]) -> bool {
    let node = &graph.nodes[to];
    let ([edge], [partitioning]) = (node.inputs.as_slice(), partitionings) else { return false };
    let from = &graph.nodes[edge.from];
    graph.settings.chaining
        && *partitioning == Partitioning::Forward
        && node.chaining == Chaining::Always
        && from.chaining != Chaining::Never
        && slot_group(graph, to) == slot_group(graph, edge.from)
        && graph.max_parallelism(to) == graph.max_parallelism(edge.from)
}

/// The vertices, each before those it sends to, and each node's vertex.
fn chains(graph: &Graph, partitionings: &[Vec<Partitioning>]) -> (Vec<Vertex>, Vec<usize>) {
    let mut vertices: Vec<Vertex> = Vec::new();
    let mut vertex_of = Vec::new();
    // Nodes are added after the nodes they read from, so one pass in order of addition sees every head first.
    for (id, node) in graph.nodes.iter().enumerate() {
        let vertex = if is_chained(graph, id, &partitionings[id]) {
            let vertex: usize = vertex_of[node.inputs[0].from];
            vertices[vertex].nodes.push(id);
            vertex
        } else {
            vertices.push(Vertex {
                nodes: vec![id],
                parallelism: graph.parallelism(id),
                max_parallelism: graph.max_parallelism(id),
                first_slot: 0,
                name: String::new(),
            });
            vertices.len() - 1
        };
        vertex_of.push(vertex);
    }
    for vertex in &mut vertices {
        let names: Vec<&str> = vertex.nodes.iter().map(|id| graph.nodes[*id].name.as_str()).collect();
        vertex.name = names.join(" -> ");
    }
    (vertices, vertex_of)
}

/// A node's slot sharing group: its own, else that of what it reads from, else the default.
fn slot_group(graph: &Graph, node: NodeId) -> &str {
    let this = &graph.nodes[node];
    match (&this.slot_group, this.inputs.first()) {
        (Some(group), _) => group,
        (None, Some(edge)) => slot_group(graph, edge.from),
        (None, None) => "default",
    }
}

/// Gives each slot sharing group as many slots as its widest vertex has subtasks; answers how many that makes.
fn assign_slots(graph: &Graph, vertices: &mut [Vertex]) -> usize {
    let mut widths: BTreeMap<String, usize> = BTreeMap::new();
    for vertex in vertices.iter() {
        let width = widths.entry(slot_group(graph, vertex.nodes[0]).to_owned()).or_default();
        *width = (*width).max(vertex.parallelism);
    }
    let mut first = 0;
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    for (group, width) in &widths {
        first_of.insert(group, first);
        first += width;
    }
    for vertex in vertices.iter_mut() {
        vertex.first_slot = first_of[slot_group(graph, vertex.nodes[0])];
    }
    first
}

impl Plan {
    /// How many subtasks the job has.
    pub(crate) fn subtasks(&self) -> usize {
        self.vertices.iter().map(|vertex| vertex.parallelism).sum()
    }

    /// Whether the job ends by itself.
    pub(crate) fn is_bounded(&self) -> bool {
        !self.graph.nodes.iter().any(is_unbounded)
    }

    /// The nodes that write to the outside world, and what they promise.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = (NodeId, Guarantee)> {
        self.graph.nodes.iter().enumerate().filter_map(|(id, node)| match node.body {
            Body::Sink { guarantee, .. } => Some((id, guarantee)),
            _ => None,
        })
    }

    /// The nodes that read from the outside world.
    pub(crate) fn sources(&self) -> impl Iterator<Item = NodeId> {
        let nodes = self.graph.nodes.iter().enumerate();
        nodes.filter(|(_, node)| matches!(node.body, Body::Source { .. })).map(|(id, _)| id)
    }
}
