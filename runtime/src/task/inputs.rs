//! Where the records of a chain come from that other subtasks send to.

use std::any::Any;
use std::sync::Arc;

use crate::channel::credit::Grant;
use crate::channel::input::InputGate;
use crate::graph::Port;
use crate::operator::Progress;
use crate::state::{StateError, TaskCapture};

/// What waits for a chain, and the chain's inputs that take it.
pub(crate) struct Inputs {
    pub(crate) gate: InputGate,
    /// The chain's inputs. They share what stands behind them.
    pub(crate) ports: Vec<Box<dyn Port>>,
    /// For each of the head's edges: the port that it feeds, and its number among that port's edges.
    pub(crate) edges: Vec<(usize, usize)>,
    /// For each of the head's edges: its identity in snapshots.
    pub(crate) edge_uids: Vec<Arc<str>>,
}

impl Inputs {
    /// Processes a batch of the head's `input`th edge.
    pub(crate) fn push(&mut self, input: usize, batch: &mut (dyn Any + Send)) -> Progress {
        let (port, _) = self.edges[input];
        self.ports[port].push(batch)
    }

    /// Gives a processed batch back to its senders.
    pub(crate) fn give_back(&mut self, input: usize, batch: Box<dyn Any + Send>, grant: Grant) {
        let (port, edge) = self.edges[input];
        self.ports[port].give_back(edge, batch, grant);
    }

    /// Writes down what a barrier has overtaken; answers whether more of it may still arrive.
    pub(crate) fn capture_overtaken(&mut self, to: &mut TaskCapture) -> Result<bool, StateError> {
        let Self { gate, ports, edges, edge_uids } = self;
        gate.capture(|source, batch| {
            let (port, _) = edges[source.input];
            ports[port].capture(batch, &edge_uids[source.input], source.sender, to)
        })?;
        Ok(gate.is_capturing())
    }
}
