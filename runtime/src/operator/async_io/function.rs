//! The functions that users write.

use std::time::Duration;

use super::AsyncContext;
use crate::data::Data;
use crate::error::Result;

/// A function that waits for something outside without blocking a thread. Each subtask opens a clone of its own, which serves
/// all of its records: a client or a pool of connections is opened once and shared.
///
/// Futures run on tokio's threads, so whatever needs a tokio runtime works. They may be dropped at any `.await`: when the
/// timeout is over, or the job ends.
///
/// ```
/// use millstream::operator::{AsyncContext, AsyncFunction, AsyncOptions};
/// use millstream::prelude::*;
/// use std::sync::Arc;
///
/// #[derive(Clone, Default)]
/// struct Names {
///     client: Option<Arc<[&'static str]>>,
/// }
///
/// impl AsyncFunction for Names {
///     type In = usize;
///     type Out = String;
///
///     async fn open(&mut self, _ctx: &AsyncContext) -> Result<()> {
///         self.client = Some(Arc::new(["Ada", "Grace"]));
///         Ok(())
///     }
///
///     async fn call(&self, user: usize, _ctx: &AsyncContext) -> Result<Vec<String>> {
///         Ok(self.client.iter().filter_map(|names| names.get(user)).map(ToString::to_string).collect())
///     }
/// }
///
/// # let env = Environment::new("example");
/// let out = env.from_collection([1, 0, 7]).process_async("names", Names::default(), AsyncOptions::ordered()).collect();
/// # env.execute()?;
/// assert_eq!(out.take(), ["Grace", "Ada"]);
/// # Ok::<(), millstream::JobError>(())
/// ```
pub trait AsyncFunction: Clone + Send + Sync + 'static {
    /// What comes in.
    type In: Data;
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &AsyncContext) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Called for each record, and again for each retry. The results have the event time of the record.
    fn call(&self, value: Self::In, ctx: &AsyncContext) -> impl Future<Output = Result<Vec<Self::Out>>> + Send;

    /// What to make of a record that has no result within the timeout; a [`TimedOut`] error unless overridden. Called on the
    /// subtask's thread, so it must not wait.
    fn timed_out(&self, _value: Self::In, ctx: &AsyncContext) -> Result<Vec<Self::Out>> {
        Err(TimedOut { after: ctx.timeout().unwrap_or_default() }.into())
    }

    /// Called once in each subtask when the input has ended and the last result has been handed on.
    fn close(&self, _ctx: &AsyncContext) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// A record had no result in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no result within {after:?}: allow more by the timeout, or say what to emit instead by `timed_out`")]
pub struct TimedOut {
    /// How long it was waited for.
    pub after: Duration,
}
