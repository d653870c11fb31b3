//! Kafka's protocol, as far as librdkafka does not speak it: what is asked of coordinators of transactions.
//!
//! librdkafka ends a transaction only for the producer that has begun it, in the process that has. A checkpointed
//! transaction must be ended by whoever goes on from the checkpoint, so that is done by these requests. They block, each for a
//! bounded time, and are repeated as long as the answer may change by itself.
//!
//! Versions of requests are those that Kafka 3.0 and later understands. `EndTxn` is held below version 5, from which on each
//! end of a transaction changes the producer's epoch.

mod cluster;
mod connection;
mod error;
mod transactions;

pub(super) use cluster::{Cluster, TopicState};
pub(super) use error::WireError;
