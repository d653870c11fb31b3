//! What tests do with the broker beside the connector.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

/// How long the broker may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where the broker is; `None` if there is none to test with.
pub(crate) fn brokers() -> Option<String> {
    let brokers = std::env::var("MILLSTREAM_KAFKA_BROKERS").ok();
    if brokers.is_none() {
        let test = std::thread::current().name().unwrap_or("the test").to_owned();
        eprintln!("{test} is skipped: MILLSTREAM_KAFKA_BROKERS is not set");
    }
    brokers
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// A name that nobody has used.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{:08x}", RandomState::new().hash_one(name) as u32)
}

fn admin<R>(brokers: &str, work: impl AsyncFnOnce(AdminClient<DefaultClientContext>, AdminOptions) -> R) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    runtime.block_on(work(config(brokers).create().unwrap(), options))
}

/// Makes a topic, and waits until it can be used.
pub(crate) fn new_topic(brokers: &str, name: &str, partitions: i32) -> String {
    let topic = unique(name);
    admin(brokers, async |admin, options| {
        let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
        admin.create_topics([&new], &options).await.unwrap().remove(0).unwrap();
    });
    wait_for_partitions(brokers, &topic, partitions);
    topic
}

/// Lets a topic have more partitions.
pub(crate) fn grow(brokers: &str, topic: &str, partitions: i32) {
    admin(brokers, async |admin, options| {
        let more = NewPartitions::new(topic, partitions as usize);
        admin.create_partitions([&more], &options).await.unwrap().remove(0).unwrap();
    });
    wait_for_partitions(brokers, topic, partitions);
}

fn wait_for_partitions(brokers: &str, topic: &str, partitions: i32) {
    let consumer: BaseConsumer = config(brokers).create().unwrap();
    loop {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let found = &metadata.topics()[0];
        let leaders = found.partitions().iter().filter(|partition| partition.error().is_none()).count();
        if found.error().is_none() && leaders == partitions as usize {
            return;
        }
        std::thread::yield_now();
    }
}

/// Deletes the records of a partition before an offset.
pub(crate) fn delete_before(brokers: &str, topic: &str, partition: i32, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    admin(brokers, async |admin, options| {
        admin.delete_records(&list, &options).await.unwrap();
    });
}

/// What a group has committed for the partitions of a topic, in order; -1 for nothing.
pub(crate) fn group_offsets(brokers: &str, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
    let consumer: BaseConsumer = config(brokers).set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition(topic, partition);
    }
    let found = consumer.committed_offsets(list, PATIENCE).unwrap();
    let offsets = found.elements().iter().map(|element| element.offset().to_raw().unwrap_or(-1)).collect::<Vec<_>>();
    offsets.into_iter().map(|offset| offset.max(-1)).collect()
}

/// A client that writes, with some properties.
pub(crate) fn producer(brokers: &str, properties: &[(&str, &str)]) -> BaseProducer {
    let mut config = config(brokers);
    for (key, value) in properties {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// Writes records, each to a partition and with a timestamp, and waits until they are there.
pub(crate) fn put(brokers: &str, topic: &str, records: impl IntoIterator<Item = (i32, i64, String)>) {
    let producer = producer(brokers, &[]);
    for (partition, timestamp, value) in records {
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).timestamp(timestamp);
        producer.send(record.payload(value.as_bytes())).map_err(|(error, _)| error).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(PATIENCE).unwrap();
}

/// All records of a topic that a reader of committed records sees now.
pub(crate) fn committed(brokers: &str, topic: &str) -> Vec<OwnedMessage> {
    let mut config = config(brokers);
    config.set("group.id", "tests").set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut open: BTreeSet<i32> = metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect();
    let mut assignment = TopicPartitionList::new();
    for partition in &open {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut found = Vec::new();
    while !open.is_empty() {
        match consumer.poll(PATIENCE).expect("the broker answers") {
            Ok(message) => found.push(message.detach()),
            Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
            Err(error) => eprintln!("reading {topic}: {error}"),
        }
    }
    found
}

/// The values of all records that a reader of committed records sees now, as text.
pub(crate) fn committed_text(brokers: &str, topic: &str) -> Vec<String> {
    let text = |message: &OwnedMessage| String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
    committed(brokers, topic).iter().map(text).collect()
}

/// The ids that begin with `prefix` whose transactions are open, as the console tools see them.
pub(crate) fn open_transactions(brokers: &str, prefix: &str) -> Vec<String> {
    let classpath = std::env::var("MILLSTREAM_KAFKA_CLASSPATH").expect("set together with MILLSTREAM_KAFKA_BROKERS");
    let tool = "org.apache.kafka.tools.TransactionsCommand";
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &classpath, tool, "--bootstrap-server", brokers, "list"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let open = lines.lines().filter(|line| line.starts_with(prefix) && line.contains("Ongoing"));
    open.map(str::to_owned).collect()
}
