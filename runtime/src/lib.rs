//! Millstream: a stateful stream processor.
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate self as millstream;

pub mod channel;
pub mod connector;
mod data;
mod error;
pub mod observe;
pub mod operator;
pub mod prelude;
pub mod state;
pub mod testing;
pub mod time;

pub use data::{Data, Key};
pub use error::{BuildError, Cause, JobError, Result, Site, TaskError};
