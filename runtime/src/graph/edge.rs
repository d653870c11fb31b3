//! What can be done with an edge without naming its record type.

use std::any::{Any, TypeId, type_name};
use std::rc::Rc;
use std::sync::Arc;

use crate::channel::Batch;
use crate::channel::credit::{Credits, Grant};
use crate::channel::exchange::{Exchange, ExchangeId, Target, Transport};
use crate::channel::in_flight::{self, Place};
use crate::channel::partitioner::{Partitioning, Rule};
use crate::data::Data;
use crate::operator::{AnySide, AnyStage, BoxStage, Fork, Progress, Side, Signal, TaskContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot};

/// An `Arc<Credits<T>>`.
pub(crate) type AnyCredits = Arc<dyn Any + Send + Sync>;

/// The sender's end of a channel whose record type is known to its [`EdgeType`].
pub(crate) struct AnyTarget {
    pub(crate) channel: usize,
    pub(crate) credit_channel: usize,
    pub(crate) credits: AnyCredits,
    pub(crate) transport: Box<dyn Transport>,
}

/// A record type, to be compared and shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordType {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

/// The typed parts of an edge: made where the stream's type is known, used where it is not.
pub(crate) trait EdgeType: Send + Sync {
    /// The records' type.
    fn record_type(&self) -> RecordType;
    /// Credits for an input with so many channels.
    fn credits(&self, channels: usize) -> AnyCredits;
    /// The sending end in one subtask. `partitioning` is what the planner has settled on.
    fn exchange(
        &self,
        id: ExchangeId,
        task: Rc<TaskContext>,
        partitioning: Partitioning,
        targets: Vec<AnyTarget>,
    ) -> AnyStage;
    /// The receiving end in one subtask.
    fn port(&self, stage: AnyStage, credits: Vec<AnyCredits>) -> Box<dyn Port>;
    /// The stages behind a side output.
    fn side(&self, stages: Vec<AnyStage>) -> Box<dyn AnySide>;
}

/// An input of a chain that takes batches of one type.
pub(crate) trait Port {
    /// Processes a `Box<Batch<T>>`; repeated with the same batch after `Stop::Blocked`.
    fn push(&mut self, batch: &mut (dyn Any + Send)) -> Progress;
    /// Gives a processed batch back to the senders of the input's `edge`th edge.
    fn give_back(&mut self, edge: usize, batch: Box<dyn Any + Send>, grant: Grant);
    /// Writes down a `Box<Batch<T>>` that waits to be processed.
    fn capture(
        &self,
        batch: &(dyn Any + Send),
        edge: &str,
        sender: usize,
        to: &mut TaskCapture,
    ) -> Result<(), StateError>;
    fn signal(&mut self, signal: &Signal) -> Progress;
    fn open(&mut self) -> Progress;
    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError>;
    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError>;
}

/// An edge for records of type `T`.
pub(crate) struct TypedEdge<T> {
    /// The rule of hash and custom edges; the other kinds need none.
    rule: Option<Rule<T>>,
}

impl<T: Data> TypedEdge<T> {
    pub(crate) fn shared(rule: Option<Rule<T>>) -> Arc<dyn EdgeType> {
        Arc::new(Self { rule })
    }
}

impl<T: Data> EdgeType for TypedEdge<T> {
    fn record_type(&self) -> RecordType {
        RecordType { id: TypeId::of::<T>(), name: type_name::<T>() }
    }

    fn credits(&self, channels: usize) -> AnyCredits {
        Credits::<T>::new(channels)
    }

    fn exchange(
        &self,
        id: ExchangeId,
        task: Rc<TaskContext>,
        partitioning: Partitioning,
        targets: Vec<AnyTarget>,
    ) -> AnyStage {
        let rule = self.rule.clone().unwrap_or(Rule::Blind(partitioning));
        let targets = targets
            .into_iter()
            .map(|AnyTarget { channel, credit_channel, credits, transport }| Target {
                channel,
                credit_channel,
                credits: typed_credits(credits),
                transport,
            })
            .collect();
        let stage: BoxStage<T> = Box::new(Exchange::new(id, task, rule, targets));
        AnyStage::new(stage)
    }

    fn port(&self, stage: AnyStage, credits: Vec<AnyCredits>) -> Box<dyn Port> {
        let credits = credits.into_iter().map(typed_credits).collect();
        Box::new(TypedPort::<T> { stage: stage.typed(), credits })
    }

    fn side(&self, stages: Vec<AnyStage>) -> Box<dyn AnySide> {
        Side::<T>::boxed(Fork::of(stages.into_iter().map(AnyStage::typed).collect()))
    }
}

fn typed_credits<T: Data>(credits: AnyCredits) -> Arc<Credits<T>> {
    credits.downcast().expect("invariant: an edge's credits have its record type")
}

struct TypedPort<T> {
    stage: BoxStage<T>,
    /// One for each edge that feeds the input (several after a union).
    credits: Vec<Arc<Credits<T>>>,
}

impl<T: Data> Port for TypedPort<T> {
    fn push(&mut self, batch: &mut (dyn Any + Send)) -> Progress {
        self.stage.push(batch.downcast_mut::<Batch<T>>().expect("invariant: a channel carries its record type"))
    }

    fn give_back(&mut self, edge: usize, batch: Box<dyn Any + Send>, grant: Grant) {
        let batch = batch.downcast::<Batch<T>>().expect("invariant: a channel carries its record type");
        self.credits[edge].give_back(grant, batch);
    }

    fn capture(
        &self,
        batch: &(dyn Any + Send),
        edge: &str,
        sender: usize,
        to: &mut TaskCapture,
    ) -> Result<(), StateError> {
        let batch = batch.downcast_ref::<Batch<T>>().expect("invariant: a channel carries its record type");
        in_flight::write(batch, edge, (sender, Place::Receiver), to)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.stage.signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.stage.open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.stage.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.stage.restore(from)
    }
}
