//! Joins: pairs and groups of the records of two streams that have the same key.
//!
//! * An **interval join** ([`KeyedStream::interval_join`](crate::stream::KeyedStream::interval_join)) pairs records whose
//!   event times are close. Each record is kept as long as one on the other side may still come for it.
//! * A **window join** ([`KeyedStream::join`](crate::stream::KeyedStream::join)) pairs the records of both sides that are in
//!   the same window, a **co-group** ([`KeyedStream::co_group`](crate::stream::KeyedStream::co_group)) hands each window's
//!   records of both sides to a function. Both are windows over either side's records.
//! * A **temporal join** ([`KeyedStream::temporal_join`](crate::stream::KeyedStream::temporal_join)) pairs each record of the
//!   left stream with the version of the right one, a table that changes, that is valid at its time.
//!
//! A record without a partner gives nothing, but in a co-group, which also gets windows of one side alone, and in a temporal join
//! that asks for all records of the left. What a join emits at once has no bound, so pairs are made one by one: a join that finds its output full
//! goes on from where it was.

mod annotated;
mod bounds;
mod buffer;
mod codec;
mod either_inputs;
mod function;
mod group;
mod interval;
#[cfg(test)]
mod job_tests;
mod pairs;
mod side;
mod sweep;
mod temporal;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use annotated::JoinOperator;
pub use bounds::Offset;
pub(crate) use bounds::{Bounds, Interval};
pub(crate) use either_inputs::{EitherInputs, EitherSelector};
pub(crate) use function::PairFn;
pub use function::{JoinContext, ProcessJoin};
pub use group::CoGroup;
pub(crate) use group::{CoGroupFn, Group, SidesFold};
pub(crate) use interval::{IntervalJoin, OnPairError};
pub(crate) use pairs::PairStage;
pub(crate) use side::LateSides;
pub(crate) use temporal::{EndsValidity, InnerFn, LeftFn, TemporalJoin};
pub use temporal::{ProcessTemporalJoin, TemporalContext};

/// What joins are by their definitions, for tests of what else has to do with them.
#[cfg(test)]
pub(crate) mod oracle {
    pub(crate) use super::temporal::tests::{KeyOracle as TemporalOracle, Role};
    pub(crate) use super::tests::{KeyOracle as IntervalOracle, offset};
}
