//! The plain loop: librdkafka's consumer, a hash table, librdkafka's producer.

use std::time::{Duration, Instant};

use anyhow::Result;
use hashbrown::HashMap;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::INTERVAL;
use super::records::Reading;
use super::topic::{PARTITIONS, PATIENCE, send};
use crate::Fingerprint;

/// Writes the running sums of so many records, in transactions of the usual length.
pub(super) fn sums(brokers: &str, input: &str, output: &str, records: u64) -> Result<Fingerprint> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    let consumer: BaseConsumer = config.clone().set("group.id", output).set("enable.auto.commit", "false").create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(input, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let producer: BaseProducer = config
        .set("transactional.id", output)
        .set("partitioner", "murmur2_random")
        .set("delivery.report.only.error", "true")
        .create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    let mut began = Instant::now();
    let (mut sums, mut written, mut value) = (HashMap::<u64, Reading>::new(), Fingerprint::default(), Vec::new());
    while written.count < records {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let reading = Reading::decode(message?.payload().unwrap_or_default())?;
        let sum = sums.entry(reading.key).and_modify(|sum| *sum = sum.add(&reading)).or_insert(reading);
        value.clear();
        sum.encode(&mut value);
        send(&producer, output, &sum.key.to_le_bytes(), &value)?;
        written.add(sum.code());
        // The clock is not asked for each record.
        if written.count.is_multiple_of(1024) && began.elapsed() >= INTERVAL {
            producer.commit_transaction(PATIENCE)?;
            producer.begin_transaction()?;
            began = Instant::now();
        }
    }
    producer.commit_transaction(PATIENCE)?;
    Ok(written)
}
