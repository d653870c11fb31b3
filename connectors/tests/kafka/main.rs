//! The Kafka connector on a real broker, the one that MILLSTREAM_KAFKA_BROKERS leads to: `eval "$(scripts/services up kafka)"`.
//! Without it, these tests say so and do nothing.

#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod broker;
#[path = "../common/mod.rs"]
mod common;
mod jobs;
mod sink;
mod source;
