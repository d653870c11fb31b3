//! Finds partitions, and hands each to one reader.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use millstream::channel::hash::stable_hash;
use millstream::connector::{Assignment, Enumerator, ReaderContext, SourceError};
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::offsets::{Offsets, Otherwise, Partition, cannot, resolve};
use super::split::KafkaSplit;
use super::topics::Lookup;
use crate::kafka::client::Logging;

/// Hands out the partitions of topics. Which reader gets one depends on topic and number, so that the partitions of each topic
/// are spread evenly.
pub struct KafkaEnumerator {
    settings: Arc<Settings>,
    lookup: Lookup,
    /// Made when the cluster is asked first.
    consumer: Option<BaseConsumer<Logging>>,
    state: KafkaEnumeratorState,
    /// Splits that were given back, which any reader may take.
    returned: Vec<KafkaSplit>,
    /// Readers to which the end was said.
    ended: BTreeSet<usize>,
}

/// What a [`KafkaEnumerator`] remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct KafkaEnumeratorState {
    /// Whether it has looked. Partitions that are found later are new, and read from their first record on.
    discovered: bool,
    /// All partitions that were found.
    known: BTreeSet<Partition>,
    /// Those that have not been handed out.
    pending: Vec<KafkaSplit>,
}

impl KafkaEnumerator {
    pub(super) fn new(settings: Arc<Settings>, restored: Option<KafkaEnumeratorState>) -> Result<Self, SourceError> {
        let lookup = Lookup::new(&settings.topics).map_err(|reason| settings.invalid(&reason))?;
        let (state, returned, ended) = (restored.unwrap_or_default(), Vec::new(), BTreeSet::new());
        Ok(Self { settings, lookup, consumer: None, state, returned, ended })
    }

    /// Looks for partitions that are not known, and where to begin and end to read them.
    fn find(&mut self) -> Result<Vec<KafkaSplit>, SourceError> {
        let consumer = match &self.consumer {
            Some(consumer) => consumer,
            None => self.consumer.insert(self.settings.consumer()?),
        };
        let timeout = self.settings.client.request_timeout;
        let mut found: Vec<Partition> = Vec::new();
        for topic in self.lookup.requests() {
            let answer = consumer.fetch_metadata(topic, timeout).map_err(|error| {
                cannot(
                    &format!("find the partitions of {} at {}", self.settings.topics, self.settings.client.brokers),
                    error,
                )
            })?;
            found.extend(self.lookup.partitions(&answer)?);
        }
        found.retain(|partition| !self.state.known.contains(partition));
        let is_first = !self.state.discovered;
        let start = if is_first { &self.settings.start } else { &Offsets::Earliest };
        let mut starts = resolve(start, &found, consumer, timeout)?;
        let unknown: Vec<Partition> =
            found.iter().filter(|partition| !starts.contains_key(*partition)).cloned().collect();
        let otherwise = match self.settings.otherwise {
            Otherwise::Earliest => &Offsets::Earliest,
            Otherwise::Latest => &Offsets::Latest,
            Otherwise::Fail => match unknown.first() {
                Some((topic, partition)) => {
                    let reason =
                        format!("where to begin topic {topic} partition {partition} is neither committed nor given");
                    return Err(self.settings.invalid(&reason));
                }
                None => &Offsets::Earliest,
            },
        };
        starts.extend(resolve(otherwise, &unknown, consumer, timeout)?);
        let stops = match &self.settings.stop {
            Some(stop) => resolve(stop, &found, consumer, timeout)?,
            None => Default::default(),
        };
        let mut splits = Vec::with_capacity(found.len());
        for place in found {
            let (topic, partition) = &place;
            let Some(start) = starts.get(&place) else {
                return Err(self.settings.invalid(&format!("topic {topic} partition {partition} has no offsets")));
            };
            let stop = stops.get(&place).copied();
            if self.settings.stop.is_some() && stop.is_none() {
                let reason = format!("where to end topic {topic} partition {partition} is neither committed nor given");
                return Err(self.settings.invalid(&reason));
            }
            splits.push(KafkaSplit::new(topic, *partition, *start, stop));
            self.state.known.insert(place);
        }
        self.state.discovered = true;
        Ok(splits)
    }

    /// Whether nothing more can be found.
    fn is_complete(&self) -> bool {
        self.settings.stop.is_some() || self.settings.discovery.is_none()
    }
}

/// Which reader a partition is for.
fn reader_of(split: &KafkaSplit, parallelism: usize) -> usize {
    let start = stable_hash(&split.topic()) as usize % parallelism;
    (start + split.partition() as usize) % parallelism
}

impl Enumerator for KafkaEnumerator {
    type Split = KafkaSplit;
    type State = KafkaEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        if self.state.discovered && self.is_complete() {
            return Ok(());
        }
        match self.find() {
            Ok(splits) => {
                tracing::debug!(topics = %self.settings.topics, new = splits.len(), "looked for partitions");
                self.state.pending.extend(splits.into_iter().filter(|split| !split.is_read()));
                Ok(())
            }
            // What is known goes on being read.
            Err(error) if self.state.discovered => {
                tracing::warn!(topics = %self.settings.topics, "cannot look for new partitions now: {error}");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.settings.discovery.filter(|_| self.settings.stop.is_none())
    }

    fn next(&mut self, reader: &ReaderContext) -> Assignment<KafkaSplit> {
        if self.ended.contains(&reader.subtask) {
            return Assignment::End;
        }
        let parallelism = reader.parallelism.max(1);
        let own = |split: &mut KafkaSplit| reader_of(split, parallelism) == reader.subtask;
        let mut splits: Vec<_> = self.state.pending.extract_if(.., own).collect();
        splits.append(&mut self.returned);
        if !splits.is_empty() {
            return Assignment::Splits(splits);
        }
        if self.is_complete() {
            self.ended.insert(reader.subtask);
            return Assignment::End;
        }
        Assignment::Later
    }

    fn give_back(&mut self, splits: Vec<KafkaSplit>) {
        self.returned.extend(splits);
    }

    fn snapshot(&self) -> KafkaEnumeratorState {
        let mut state = self.state.clone();
        state.pending.extend(self.returned.iter().cloned());
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_of_a_topic_are_spread_evenly() {
        for (topic, parallelism) in [("a", 3), ("orders", 4), ("x", 1)] {
            let mut counts = vec![0; parallelism];
            for partition in 0..12 {
                counts[reader_of(&KafkaSplit::new(topic, partition, 0, None), parallelism)] += 1;
            }
            assert!(counts.iter().all(|count| *count == 12 / parallelism), "{counts:?}");
        }
    }
}
