//! Writes the records of one subtask.

use std::sync::Arc;
use std::time::Duration;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{Guarantee, SinkContext, SinkError, SinkWriter};
use millstream::time::Timestamp;

use super::Settings;
use super::producer::{Outgoing, Producer};
use super::serialize::Serializer;
use super::transactional::Transactions;
use crate::kafka::transaction::Transaction;

/// How long a writer that is dropped waits for what it has promised nothing about.
const FAREWELL: Duration = Duration::from_secs(10);

/// Writes to topics.
pub struct KafkaWriter<T> {
    settings: Arc<Settings<T>>,
    serializer: Serializer<T>,
    output: Output<T>,
    key: Vec<u8>,
    value: Vec<u8>,
}

enum Output<T> {
    /// What is written is visible.
    Plain { producer: Producer, is_awaited: bool },
    /// What is written is visible once it is committed.
    Transactions(Box<Transactions<T>>),
}

impl<T: Data> KafkaWriter<T> {
    pub(super) fn new(settings: Arc<Settings<T>>, ctx: &SinkContext) -> Result<Self, SinkError> {
        let output = match settings.delivery {
            Guarantee::ExactlyOnce => Output::Transactions(Box::new(Transactions::new(Arc::clone(&settings), ctx))),
            delivery => {
                let producer = Producer::new(&settings, &[])?;
                settings.find_topic(&producer)?;
                Output::Plain { producer, is_awaited: delivery == Guarantee::AtLeastOnce }
            }
        };
        let serializer = settings.serializer.clone();
        Ok(Self { settings, serializer, output, key: Vec::new(), value: Vec::new() })
    }

    fn send(&mut self, value: &T, event_time: Timestamp) -> Result<(), SinkError> {
        let Self { settings, serializer, output, key, value: bytes } = self;
        let topic = serializer.topic.as_ref().map(|topic| topic(value));
        let topic = topic.as_deref().unwrap_or(&settings.topic);
        let rejected = |error: anyhow::Error| SinkError::Rejected {
            target: format!("topic {topic}"),
            reason: format!("{error:#}"),
        };
        let is_tombstone = serializer.tombstone.as_ref().is_some_and(|tombstone| tombstone(value));
        bytes.clear();
        if !is_tombstone {
            serializer.value.encode(value, bytes).map_err(rejected)?;
        }
        key.clear();
        if let Some(encode) = &mut serializer.key {
            encode.encode(value, key).map_err(rejected)?;
        }
        let producer = match output {
            Output::Plain { producer, .. } => producer,
            Output::Transactions(transactions) => transactions.producer()?,
        };
        let partition = match &serializer.partition {
            None => None,
            Some(partition) => {
                let partitions = producer.partitions(topic, settings.client.request_timeout)?;
                let chosen = partition(value, partitions);
                if !(0..partitions).contains(&chosen) {
                    return Err(SinkError::Rejected {
                        target: format!("topic {topic}"),
                        reason: format!("`partition_by` gives partition {chosen}, and the topic has {partitions}"),
                    });
                }
                Some(chosen)
            }
        };
        producer.send(Outgoing {
            topic,
            partition,
            key: serializer.key.is_some().then_some(key),
            value: (!is_tombstone).then_some(bytes),
            headers: serializer.headers(value),
            timestamp: serializer.time(value, event_time),
        })
    }
}

impl<T: Data> SinkWriter for KafkaWriter<T> {
    type In = T;
    type Committable = Transaction;

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        while let Some(value) = records.next_value() {
            self.send(&value, records.time())?;
        }
        match &self.output {
            Output::Plain { producer, .. } => producer.serve(),
            Output::Transactions(transactions) => transactions.current().map_or(Ok(()), Producer::serve),
        }
    }

    fn released(&mut self, calls: u64) {
        if let Output::Transactions(transactions) = &mut self.output {
            transactions.released(calls);
        }
    }

    fn prepare_commit(&mut self) -> Result<Vec<Transaction>, SinkError> {
        match &mut self.output {
            Output::Plain { producer, is_awaited: true } => producer.flush().map(|()| Vec::new()),
            Output::Plain { producer, is_awaited: false } => producer.serve().map(|()| Vec::new()),
            Output::Transactions(transactions) => Ok(transactions.prepare()?.into_iter().collect()),
        }
    }
}

impl<T> Drop for KafkaWriter<T> {
    fn drop(&mut self) {
        // The job may have ended, and the process be about to.
        if let Output::Plain { producer, is_awaited: false } = &self.output
            && let Err(error) = producer.flush_within(FAREWELL)
        {
            tracing::warn!(topic = %self.settings.topic, "the last records may be lost: {error}");
        }
    }
}
