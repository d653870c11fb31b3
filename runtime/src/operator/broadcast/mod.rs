//! Operators that all subtasks of are told the same: rules, rates, whatever changes while the job runs.
//!
//! Such an operator has two inputs. Records of the first are dealt out as for any other operator; those of the second go to
//! every subtask. What the subtasks have been told is in [`BroadcastStates`], which only the functions for the second
//! input may change: the others are lent it read-only. So it is the same in all subtasks, once each has seen the same, and
//! is written to snapshots once.

mod context;
mod keyed;
mod keyed_process;
mod keyed_runner;
mod process;
mod states;

pub use context::BroadcastContext;
pub use keyed::KeyedBroadcastOperator;
pub use keyed_process::KeyedBroadcastProcess;
pub(crate) use keyed_runner::KeyedBroadcast;
pub use process::BroadcastProcess;
pub(crate) use process::Broadcasting;
pub use states::BroadcastStates;
