//! Testing jobs and connectors.
//!
//! * [`Harness`] runs a stretch of a job on the caller's thread, with time in the test's hands.
//! * [`MiniCluster`] runs whole jobs, with checkpoints, which can be stopped or killed and gone on with.
//! * [`Faults`] has a job fail where and when a test wants it to.
//! * [`conformance`] checks that a connector keeps its contract.

pub mod conformance;
mod faults;
mod futures;
mod harness;
#[cfg(test)]
mod idle_tests;
#[cfg(test)]
mod merged_time;
mod metrics;
mod mini_cluster;
mod two_inputs;

pub use faults::{Fault, FaultPoint, Faults};
pub(crate) use faults::{InjectedFault, Injection};
pub use harness::{Harness, HarnessSnapshot};
pub use mini_cluster::{MiniCluster, RunningJob};
pub use two_inputs::TwoInputHarness;
