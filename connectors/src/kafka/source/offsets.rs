//! Where reading begins and ends, before and after the cluster was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream::connector::SourceError;
use millstream::time::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::client::Logging;

/// A topic and the number of a partition.
pub(super) type Partition = (String, i32);

/// A place in each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offsets {
    /// The first record that is still there.
    Earliest,
    /// Behind the last record that there is when the job starts.
    Latest,
    /// What the group has committed.
    Committed,
    /// The first record with this timestamp or a later one.
    Timestamp(Timestamp),
    /// These offsets, by topic and partition.
    Given(BTreeMap<(String, i32), i64>),
}

/// Where a partition begins that [`Offsets`] say nothing of: the group has committed nothing, or none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Otherwise {
    /// At the first record that is still there.
    #[default]
    Earliest,
    /// Behind the last record that there is.
    Latest,
    /// The job does not start.
    Fail,
}

/// Asks for the offsets of partitions; there is none where nothing is committed or given.
pub(super) fn resolve(
    offsets: &Offsets,
    partitions: &[Partition],
    consumer: &BaseConsumer<Logging>,
    timeout: Duration,
) -> Result<BTreeMap<Partition, i64>, SourceError> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    match offsets {
        Offsets::Given(given) => {
            let known = partitions.iter().filter_map(|partition| Some((partition.clone(), *given.get(partition)?)));
            Ok(known.collect())
        }
        Offsets::Committed => {
            let found = consumer.committed_offsets(list(partitions, Offset::Invalid)?, timeout);
            known(&found.map_err(|error| cannot("find the group's offsets", error))?)
        }
        // As times, the beginning and the end are -2 and -1, in Kafka's protocol too.
        Offsets::Earliest => at(list(partitions, Offset::Beginning)?, consumer, timeout),
        Offsets::Latest => at(list(partitions, Offset::End)?, consumer, timeout),
        Offsets::Timestamp(time) => {
            let mut found = at(list(partitions, Offset::Offset(time.as_millis().max(0)))?, consumer, timeout)?;
            let late = partitions.iter().filter(|partition| !found.contains_key(*partition)).cloned();
            // No record is as late: it begins behind the last.
            found.extend(resolve(&Offsets::Latest, &late.collect::<Vec<_>>(), consumer, timeout)?);
            Ok(found)
        }
    }
}

/// Asks for the first offsets at certain times; there is none where all records are earlier.
fn at(
    times: TopicPartitionList,
    consumer: &BaseConsumer<Logging>,
    timeout: Duration,
) -> Result<BTreeMap<Partition, i64>, SourceError> {
    known(&consumer.offsets_for_times(times, timeout).map_err(|error| cannot("find offsets", error))?)
}

fn known(found: &TopicPartitionList) -> Result<BTreeMap<Partition, i64>, SourceError> {
    let mut known = BTreeMap::new();
    for element in found.elements() {
        let place = (element.topic().to_owned(), element.partition());
        element
            .error()
            .map_err(|error| cannot(&format!("find offsets of topic {} partition {}", place.0, place.1), error))?;
        if let Offset::Offset(offset) = element.offset() {
            known.insert(place, offset);
        }
    }
    Ok(known)
}

fn list(partitions: &[Partition], offset: Offset) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition_offset(topic, *partition, offset).map_err(|error| cannot("ask for offsets", error))?;
    }
    Ok(list)
}

pub(super) fn cannot(what: &str, error: KafkaError) -> SourceError {
    SourceError::Io { what: format!("cannot {what} in Kafka"), error: std::io::Error::other(error.to_string()) }
}
