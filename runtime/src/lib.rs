//! Millstream: a stateful stream processor. Jobs are ordinary Rust programs: functions wired into a dataflow, run by actors.
//!
//! ```
//! use millstream::prelude::*;
//!
//! /// Splits a line into words.
//! #[operator]
//! fn words(line: String) -> Vec<String> {
//!     line.split_whitespace().map(str::to_owned).collect()
//! }
//!
//! let env = Environment::new("word count");
//! let counts = env
//!     .from_collection(["to be or not to be".to_owned()])
//!     .apply(words())
//!     .key_by(|word| word)
//!     .count()
//!     .collect();
//! env.execute()?;
//! assert!(counts.take().contains(&("to".to_owned(), 2)));
//! # Ok::<(), millstream::JobError>(())
//! ```
//!
//! * Build a job with an [`Environment`](stream::Environment) and [`Stream`](stream::Stream)s; put it behind a command line with
//!   [`main`].
//! * Write operators as closures, as annotated functions ([`operator`](macro@prelude::operator)), or by the traits in [`operator`](mod@operator).
//! * Keep state with the handles in [`state`], tell time with [`time`], cut streams with [`window`], pair them with
//!   [`join`].
//! * Read and write by [`connector`]s; test with [`testing`]. Before going on from a snapshot with a new version, [`restore`]
//!   tells whether that works.
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate self as millstream;

#[doc(hidden)]
pub mod __private;
mod actor;
pub mod allocator;
pub mod cep;
pub mod channel;
pub mod checkpoint;
pub mod cli;
pub mod connector;
mod data;
mod error;
pub mod graph;
pub mod join;
pub mod observe;
pub mod operator;
pub mod prelude;
pub mod restore;
pub mod state;
pub mod stream;
mod task;
pub mod testing;
pub mod time;
pub mod window;

pub use data::{Data, Key};
pub use error::{BuildError, Cause, JobError, Result, Site, TaskError};
pub use millstream_macros::main;
