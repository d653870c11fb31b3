//! What a user builds a job with: an [`Environment`], and streams that operators are applied to.
//!
//! Building does no I/O and reports no error: whatever is wrong is found when the job is planned, before it starts.

mod apply;
mod beside;
mod environment;
mod keyed;
mod partition;
mod rolling;
#[expect(clippy::module_inception, reason = "the stream itself, beside its keyed and windowed forms")]
mod stream;
mod windowed;

pub use crate::observe::JobSummary;
pub use environment::{Environment, Job, JobHandle};
pub use keyed::KeyedStream;
pub(crate) use stream::NodeSpec;
pub use stream::Stream;
pub use windowed::WindowedStream;
