//! A client that writes, and what becomes of what it is given.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use millstream::connector::SinkError;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::Settings;
use crate::kafka::client;

/// What is set unless the user says otherwise: keys go to partitions as those of Java's client do, and memory is bounded.
const DEFAULTS: [(&str, &str); 2] = [("partitioner", "murmur2_random"), ("queue.buffering.max.kbytes", "65536")];
/// How long to wait for room, or for the cluster, before looking around again.
const LOOK_AROUND: Duration = Duration::from_millis(5);
/// For how long the number of a topic's partitions is taken to be the same.
const PARTITIONS_KNOWN: Duration = Duration::from_secs(60);

/// Remembers the first error of a client.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    failed: OnceLock<String>,
}

impl ClientContext for Outcome {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            let _ = self.failed.set(reason.to_owned());
        } else {
            // The client tries on, for as long as records may wait.
            tracing::warn!("Kafka: {error}: {reason}");
        }
    }
}

impl ProducerContext for Outcome {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, message)) = result {
            let _ = self.failed.set(format!("topic {} partition {}: {error}", message.topic(), message.partition()));
        }
    }
}

/// A record to be written.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Option<rdkafka::message::OwnedHeaders>,
    pub(super) timestamp: Option<i64>,
}

/// A client that writes.
pub(super) struct Producer {
    client: BaseProducer<Outcome>,
    /// How many partitions topics have, and when that was asked for.
    partitions: Mutex<HashMap<String, (i32, Instant)>>,
}

impl Producer {
    /// A client with some settings beside the user's.
    pub(super) fn new<T>(settings: &Settings<T>, needed: &[(&str, &str)]) -> Result<Self, SinkError> {
        let mut needed = needed.to_vec();
        // Only failures are told of, so that what goes well costs nothing.
        needed.extend([("enable.idempotence", "true"), ("delivery.report.only.error", "true")]);
        let config = settings.client.config(&DEFAULTS, &needed);
        let client = config
            .create_with_context(Outcome::default())
            .map_err(|error| SinkError::Invalid(format!("Kafka sink {}: {error}", settings.topic)))?;
        Ok(Self { client, partitions: Mutex::default() })
    }

    /// Hands a record over to the client; waits if it has too many already.
    pub(super) fn send(&self, record: Outgoing<'_>) -> Result<(), SinkError> {
        let Outgoing { topic, partition, key, value, headers, timestamp } = record;
        let mut next = BaseRecord::<[u8], [u8]>::to(topic);
        (next.partition, next.key, next.payload, next.headers, next.timestamp) =
            (partition, key, value, headers, timestamp);
        loop {
            match self.client.send(next) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    next = refused;
                    self.client.poll(LOOK_AROUND);
                    self.check()?;
                }
                Err((error, _)) => {
                    self.check()?;
                    return Err(SinkError::Rejected { target: format!("topic {topic}"), reason: error.to_string() });
                }
            }
        }
    }

    /// Looks at what has become of earlier records; fails if one could not be written.
    pub(super) fn serve(&self) -> Result<(), SinkError> {
        self.client.poll(Duration::ZERO);
        self.check()
    }

    fn check(&self) -> Result<(), SinkError> {
        self.client.context().failed.get().map_or(Ok(()), |reason| Err(cannot_write(reason)))
    }

    /// Waits until everything is written, or cannot be: for each record the client knows a time after which it gives up.
    pub(super) fn flush(&self) -> Result<(), SinkError> {
        while self.client.in_flight_count() > 0 {
            self.client.poll(LOOK_AROUND);
            self.check()?;
        }
        self.check()
    }

    /// Waits until everything is written, but not for ever.
    pub(super) fn flush_within(&self, at_most: Duration) -> Result<(), SinkError> {
        let give_up = Instant::now() + at_most;
        while self.client.in_flight_count() > 0 && Instant::now() < give_up {
            self.client.poll(LOOK_AROUND);
        }
        self.check()
    }

    /// How many partitions a topic has.
    pub(super) fn partitions(&self, topic: &str, timeout: Duration) -> Result<i32, SinkError> {
        let mut known = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, asked)) = known.get(topic)
            && asked.elapsed() < PARTITIONS_KNOWN
        {
            return Ok(*count);
        }
        let count = self.find(topic, timeout)?;
        known.insert(topic.to_owned(), (count, Instant::now()));
        Ok(count)
    }

    /// Asks the cluster for a topic. One that is missing may be about to be made, if the cluster makes topics by itself.
    fn find(&self, topic: &str, timeout: Duration) -> Result<i32, SinkError> {
        const BEING_MADE: Duration = Duration::from_secs(2);
        let give_up = Instant::now() + BEING_MADE.min(timeout);
        loop {
            let found = self.client.client().fetch_metadata(Some(topic), timeout);
            let found = found.map_err(|error| SinkError::Io {
                what: format!("cannot reach Kafka for topic {topic}"),
                error: std::io::Error::other(error.to_string()),
            })?;
            let found = found.topics().iter().find(|found| found.name() == topic);
            match found.map(|found| (found.error(), found.partitions().len())) {
                Some((None, partitions)) if partitions > 0 => return Ok(i32::try_from(partitions).unwrap_or(i32::MAX)),
                _ if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(50)),
                _ => {
                    return Err(SinkError::Invalid(format!(
                        "topic {topic} does not exist: create it, or name another"
                    )));
                }
            }
        }
    }

    /// Becomes the only producer with its transactional id, and begins a transaction.
    pub(super) fn init_transactions(&self, id: &str, timeout: Duration) -> Result<(), SinkError> {
        self.client.init_transactions(timeout).map_err(|error| cannot_begin(id, &error))
    }

    /// Begins a transaction; the cluster hears of it by its first record.
    pub(super) fn begin_transaction(&self, id: &str) -> Result<(), SinkError> {
        self.client.begin_transaction().map_err(|error| cannot_begin(id, &error))
    }
}

fn cannot_begin(id: &str, error: &KafkaError) -> SinkError {
    let what = format!("cannot begin a transaction with transactional id {id}");
    SinkError::Io { what, error: std::io::Error::other(error.to_string()) }
}

fn cannot_write(reason: &str) -> SinkError {
    SinkError::Io { what: "cannot write to Kafka".to_owned(), error: std::io::Error::other(reason.to_owned()) }
}
