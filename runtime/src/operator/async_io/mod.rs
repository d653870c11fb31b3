//! Async I/O: a request to something outside for each record, many of them in flight at a time.
//!
//! * Futures run on threads of their own ([`RunBeside`](super::beside::RunBeside)); answers wake the subtask, which does all
//!   the rest: it counts time by the job's clock, repeats requests, and hands results on.
//! * The timeout of a record begins when it comes in, and its retries are within it. After it, nothing of the record runs.
//! * What is in flight is in the snapshot, and is requested anew after a restore; then its timeout begins anew, too.
//!
//! What is common with user code that blocks is in [`beside`](super::beside).

mod calls;
mod closure;
mod context;
mod function;
mod options;
mod retry;

pub(crate) use calls::AsyncCalls;
pub(crate) use closure::AsyncMap;
pub use context::AsyncContext;
pub use function::{AsyncFunction, TimedOut};
pub use options::{AsyncOptions, DEFAULT_CAPACITY};
pub use retry::RetryStrategy;
