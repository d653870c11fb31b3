//! From what the user wired to what runs: pure code, no actors, no I/O.
//!
//! The **logical** graph has a node per operator and an edge per stream. `plan` resolves parallelism and
//! partitioning, checks that the job can run, and joins operators into **chains**: the physical graph, in which each
//! vertex is a chain with so many subtasks.

mod edge;
mod logical;
mod plan;
mod render;
mod runtime_mode;

pub(crate) use edge::{AnyCredits, AnyTarget, EdgeType, Port, TypedEdge};
pub(crate) use logical::{Body, Chaining, Downstream, Edge, Graph, MakeStages, Node, NodeContext, NodeId, Settings};
pub use plan::{Plan, PlanEdge, Vertex};
pub use runtime_mode::RuntimeMode;
