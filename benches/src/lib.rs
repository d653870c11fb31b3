//! Benchmarks of Millstream against plain loops.
//!
//! A [`workload`] has two sides that share their input and the user's functions: a single-threaded loop, written as
//! well as we can, and a job through the public API. Both sum up what they emit in a [`Fingerprint`]; the
//! [`harness`] refuses to report a run in which the two differ. What [`checkpoint`]s cost is measured on jobs alone, and
//! [`patterns`] with one slot.

pub mod checkpoint;
pub mod comparison;
pub mod files;
mod fingerprint;
pub mod harness;
pub mod input;
pub mod join;
#[cfg(feature = "kafka")]
pub mod kafka;
mod opaque;
pub mod patterns;
pub mod report;
pub mod skew;
pub mod statistics;
mod tally;
pub mod workload;

pub use fingerprint::Fingerprint;
pub use opaque::opaque;
