//! What a user builds a job with: an [`Environment`], and streams that operators are applied to.
//!
//! Building does no I/O and reports no error: whatever is wrong is found when the job is planned, before it starts.

mod apply;
mod beside;
mod broadcast;
mod connected;
mod environment;
mod interval_join;
mod joined;
mod keyed;
mod keyed_broadcast;
mod keyed_connected;
mod local_aggregation;
mod partition;
mod pattern;
mod rolling;
#[expect(clippy::module_inception, reason = "the stream itself, beside its keyed and windowed forms")]
mod stream;
mod temporal_join;
mod window_all;
mod window_join;
mod windowed;
mod windowed_functions;

pub use crate::graph::RuntimeMode;
pub use crate::observe::JobSummary;
pub use broadcast::BroadcastConnectedStream;
pub use connected::ConnectedStreams;
pub use environment::{Environment, Job, JobHandle};
pub use interval_join::{IntervalJoin, IntervalJoined};
pub use joined::{Groups, JoinedStreams, JoinedWhere, KeyedJoin, Pairs, WindowedJoin};
pub use keyed::KeyedStream;
pub use keyed_broadcast::KeyedBroadcastConnectedStream;
pub use keyed_connected::KeyedConnectedStreams;
pub use local_aggregation::{LocalAggregation, LocalWindows};
pub use pattern::PatternStream;
pub(crate) use stream::NodeSpec;
pub use stream::Stream;
pub use temporal_join::TemporalJoin;
pub use window_all::AllWindowedStream;
pub use windowed::WindowedStream;
