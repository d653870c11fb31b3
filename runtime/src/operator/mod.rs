//! Operators: what happens to records, one operator per file.
//!
//! Three levels:
//!
//! * What a **user** implements: closures, [`Process`], [`KeyedOperator`] (usually through `#[operator]`), [`Aggregate`].
//! * An **`Operator`** works on batches and knows time, state and snapshots; the files here turn the user's traits
//!   into operators.
//! * A **`Stage`** is an operator in its place: it holds the stages behind it. A chain is a stage of stages.
//!
//! The law of stages: a call that ends with `Stop::Blocked` has done part of its work and left the rest in its
//! argument and in itself; *calling again with the same argument* goes on where it stopped. So an operator that emits
//! much from little needs no thread and no unbounded buffer, and a blocked chain goes on by repeating one call.

mod annotated;
mod collector;
mod context;
mod side_outputs;
mod stage;
mod task_context;

pub mod aggregate;
pub(crate) mod async_io;
pub(crate) mod beside;
pub(crate) mod blocking;
pub(crate) mod broadcast;
pub(crate) mod co_process;
pub(crate) mod keyed;
pub mod process;
pub(crate) mod simple;
pub(crate) mod two_inputs;
pub(crate) mod watermarks;
#[cfg(test)]
mod watermarks_tests;

pub use aggregate::Aggregate;
pub use annotated::{Annotated, ApplyTo, AsyncOperator, OperatorOptions, StreamFn};
pub use async_io::{AsyncContext, AsyncFunction, AsyncOptions, DEFAULT_CAPACITY, RetryStrategy, TimedOut};
pub use blocking::DEFAULT_IN_FLIGHT;
pub use broadcast::{
    BroadcastContext, BroadcastProcess, BroadcastStates, KeyedBroadcastOperator, KeyedBroadcastProcess,
};
pub use co_process::CoProcess;
pub use collector::Collector;
pub use context::{Context, KeyedContext, TimeDomain};
pub use either::Either;
pub use keyed::{KeyedCoProcess, KeyedOperator, KeyedProcess};
pub use process::{OnError, Process};
pub(crate) use side_outputs::{AnySide, Side};
pub use side_outputs::{OutputTag, SideOutputs};
pub(crate) use stage::{AnyStage, BoxStage, Fork, Link, Output, Progress, Signal, SplitStart, Stage, Stop};
pub use task_context::TaskInfo;
pub(crate) use task_context::{Prepared, Shares, TaskContext, Wake};
pub(crate) use two_inputs::TwoInputOperator;

use crate::channel::Batch;
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};
use crate::time::Timestamp;

/// What an operator does with batches, time and snapshots.
///
/// `process` and the callbacks on time follow the law of stages (see the module's doc). Between two calls that ended
/// well an operator holds no record that it will emit without being called again, so a snapshot taken then is complete.
pub(crate) trait Operator: 'static {
    type In: 'static;
    type Out: 'static;

    /// Called once before anything else but [`Operator::restore`].
    fn open(&mut self, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// Takes all records out of `input`, or stops early with `Stop`.
    fn process(&mut self, input: &mut Batch<Self::In>, out: &mut Output<Self::Out>) -> Progress;

    /// Event time has reached `watermark`; it never decreases. The stage hands it on afterwards.
    fn watermark(&mut self, _watermark: Timestamp, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// A deadline asked for by [`TaskContext::wake_at`] has come (perhaps another operator's).
    fn processing_time(&mut self, _now: Timestamp, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// A signal that only sources and sinks look at; see [`Signal`].
    fn other(&mut self, _signal: &Signal, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// No more input will come; the last watermark has been seen.
    fn end(&mut self, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// Called once, after [`Operator::end`].
    fn close(&mut self, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }

    /// Writes down all state.
    fn snapshot(&mut self, _out: &Output<Self::Out>, _to: &mut OperatorCapture) -> Result<(), StateError> {
        Ok(())
    }

    /// Takes state back, before `open`. The snapshot may come from several subtasks of another parallelism: an
    /// operator takes the key groups that it owns now.
    fn restore(&mut self, _out: &Output<Self::Out>, _from: &OperatorSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}
