//! Topics with eight partitions.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::records::Reading;

pub(super) const PARTITIONS: i32 = 8;
/// How long the broker may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A new topic.
pub(super) fn empty(brokers: &str) -> Result<String> {
    let topic = format!("bench-{:08x}", RandomState::new().hash_one(brokers) as u32);
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let made = runtime.block_on(admin.create_topics([&new], &options))?;
    made.into_iter().next().context("no answer")?.map_err(|(topic, code)| anyhow!("topic {topic}: {code}"))?;
    Ok(topic)
}

/// A new topic with so many records; those of a key are in one partition.
pub(super) fn filled(brokers: &str, records: u64) -> Result<String> {
    let topic = empty(brokers)?;
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config.set("bootstrap.servers", brokers).set("linger.ms", "50").create()?;
    let mut value = Vec::new();
    for reading in (0..records).map(Reading::of) {
        value.clear();
        reading.encode(&mut value);
        send(&producer, &topic, &reading.key.to_le_bytes(), &value)?;
    }
    producer.flush(PATIENCE)?;
    Ok(topic)
}

/// Hands a record over to the client; waits where it has too many.
pub(super) fn send(producer: &BaseProducer, topic: &str, key: &[u8], value: &[u8]) -> Result<()> {
    let mut record = BaseRecord::to(topic).key(key).payload(value);
    while let Err((error, refused)) = producer.send(record) {
        if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
            return Err(error.into());
        }
        record = refused;
        producer.poll(Duration::from_millis(5));
    }
    Ok(())
}
