//! Apache Kafka: a source of records, and a sink that writes them exactly once by Kafka's transactions.
//!
//! librdkafka reads and writes. Transactions are ended by requests of our own, so that a job that goes on from a checkpoint
//! can end those that it describes: see [`KafkaSink`] for what that takes.

mod client;
mod sink;
mod source;
mod transaction;
mod wire;

pub use sink::{KafkaCommitter, KafkaSink, KafkaWriter, LostTransactions};
pub use source::{
    KafkaEnumerator, KafkaEnumeratorState, KafkaReader, KafkaRecord, KafkaSource, KafkaSplit, Offsets, Otherwise,
    Topics,
};
pub use transaction::Transaction;
