//! Testing jobs and connectors without threads, clocks or outside systems.
//!
//! * [`Harness`] runs a stretch of a job on the caller's thread, with time in the test's hands.
//! * [`conformance`] checks that a connector keeps its contract.

pub mod conformance;
mod harness;

pub use harness::{Harness, HarnessSnapshot};
