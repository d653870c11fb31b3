//! The temporal join: each record of the left side with the version of the right side that is valid at its time.
//!
//! The right side is a table that changes: a record is the version of its key from its time on, until the next one's. A left record
//! waits until the watermark has passed it, so that no version that is valid at its time is still to come; then it is paired,
//! once. So results do not depend on the order in which records come.

mod function;
mod operator;
#[cfg(test)]
pub(super) mod tests;
mod versions;

pub(crate) use function::{InnerFn, LeftFn};
pub use function::{ProcessTemporalJoin, TemporalContext};
pub(crate) use operator::TemporalJoin;
pub(crate) use versions::EndsValidity;
