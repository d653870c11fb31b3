//! Millstream: a stateful stream processor.
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate self as millstream;

#[doc(hidden)]
pub mod __private;
mod actor;
pub mod channel;
pub mod cli;
pub mod connector;
mod data;
mod error;
pub mod graph;
pub mod observe;
pub mod operator;
pub mod prelude;
pub mod state;
pub mod stream;
mod task;
pub mod testing;
pub mod time;
pub mod window;

pub use data::{Data, Key};
pub use error::{BuildError, Cause, JobError, Result, Site, TaskError};
pub use millstream_macros::main;
