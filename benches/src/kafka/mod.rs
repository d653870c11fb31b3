//! The workload of the benchmark of Kafka: a running sum per key from a topic to a topic, exactly once.
//!
//! Needs a broker, which the environment names: `eval "$(scripts/services up kafka)"`. Both sides read eight partitions of
//! records of 100 bytes, and write one of 100 bytes for each, in transactions that are committed every half second.

mod bare;
mod records;
mod topic;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::ValueEnum;
use millstream::checkpoint::Checkpointing;
use millstream::connector::Guarantee;
use millstream::prelude::*;
use millstream_connectors::kafka::{KafkaSink, KafkaSource, Offsets};

use self::records::{Counted, Reading};
use crate::Fingerprint;
use crate::harness::Sides;

/// How long a transaction is open.
const INTERVAL: Duration = Duration::from_millis(500);

/// A workload of the benchmark of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kafka {
    /// A running sum over 100k keys.
    K1,
}

/// The topic that is read, by the number of its records.
static INPUT: Mutex<Option<(u64, String)>> = Mutex::new(None);

fn brokers() -> Result<String> {
    std::env::var("MILLSTREAM_KAFKA_BROKERS")
        .context("MILLSTREAM_KAFKA_BROKERS is not set: eval \"$(scripts/services up kafka)\"")
}

fn input(records: u64) -> Result<String> {
    let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*input {
        Some((count, topic)) if *count == records => Ok(topic.clone()),
        _ => {
            let topic = topic::filled(&brokers()?, records)?;
            *input = Some((records, topic.clone()));
            Ok(topic)
        }
    }
}

impl Sides for Kafka {
    fn title(self) -> &'static str {
        "a running sum over 100k keys from Kafka to Kafka, exactly once (goal: 0.7 of the loop at two slots)"
    }

    fn records(self, scale: f64) -> u64 {
        ((2_000_000.0 * scale) as u64).max(1)
    }

    fn goal(self) -> Option<f64> {
        None
    }

    fn prepare(self, records: u64) -> Result<()> {
        input(records).map(drop)
    }

    fn plain(self, records: u64) -> Result<Fingerprint> {
        let brokers = brokers()?;
        bare::sums(&brokers, &input(records)?, &topic::empty(&brokers)?, records)
    }

    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint> {
        let brokers = brokers()?;
        let (input, output) = (input(records)?, topic::empty(&brokers)?);
        let checkpoints = tempfile::tempdir()?;
        let env = Environment::new("kafka");
        env.set_parallelism(parallelism);
        env.set_checkpointing(Checkpointing::to(checkpoints.path().display().to_string()).interval(INTERVAL));
        let source = KafkaSource::with_deserializer(&*brokers, &*input, |record| {
            Ok(Some(Reading::decode(record.value().unwrap_or_default())?))
        });
        let (counted, total) = Counted::new();
        let sink = KafkaSink::with_serializer(&*brokers, &*output, counted.encode())
            .key(|sum: &Reading, out| {
                out.extend_from_slice(&sum.key.to_le_bytes());
                Ok(())
            })
            .delivery(Guarantee::ExactlyOnce);
        let sums = env.source(source.until(Offsets::Latest)).uid("readings").key_by(|reading| &reading.key);
        sums.reduce(|sum, reading| sum.add(&reading)).uid("sums").sink(sink).uid("out");
        env.execute()?;
        Ok(total.take())
    }
}

impl fmt::Display for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
