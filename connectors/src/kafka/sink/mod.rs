//! The Kafka sink.

mod committer;
mod producer;
mod serialize;
mod transactional;
mod writer;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Guarantee, Sink, SinkContext, SinkError};
use millstream::time::Timestamp;
use millstream::{Data, Result};
use serde::Serialize;

use self::producer::Producer;
use self::serialize::Serializer;
use super::client::ClientSettings;
use super::transaction::Transaction;
use super::wire::{Cluster, TopicState};
use crate::format::{Json, SerializationSchema, Text};

pub use committer::KafkaCommitter;
pub use writer::KafkaWriter;

/// Settings of librdkafka that the sink decides about.
const OURS: [&str; 5] =
    ["transactional.id", "transaction.timeout.ms", "enable.idempotence", "delivery.report.only.error", "acks"];
/// How long a transaction may be open unless the sink says otherwise: what brokers allow at most, unless they say otherwise.
const DEFAULT_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long a job may be down unless the sink says otherwise.
const DEFAULT_ALLOWED_DOWNTIME: Duration = Duration::from_secs(5 * 60);

/// What is done about a transaction that is part of the snapshot a job goes on from, and that the cluster has aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LostTransactions {
    /// The job fails, since output is missing.
    #[default]
    Fail,
    /// The job goes on, and a warning names the transaction.
    Warn,
}

/// What a sink is told to be.
struct Settings<T> {
    client: ClientSettings,
    topic: String,
    serializer: Serializer<T>,
    delivery: Guarantee,
    prefix: Option<String>,
    transaction_timeout: Duration,
    allowed_downtime: Duration,
    lost: LostTransactions,
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        let Self { client, topic, serializer, delivery, prefix, transaction_timeout, allowed_downtime, lost } = self;
        Self {
            client: client.clone(),
            topic: topic.clone(),
            serializer: serializer.clone(),
            delivery: *delivery,
            prefix: prefix.clone(),
            transaction_timeout: *transaction_timeout,
            allowed_downtime: *allowed_downtime,
            lost: *lost,
        }
    }
}

impl<T> Settings<T> {
    /// Fails if the sink's topic does not exist. Those that a function names are looked for when they are written to.
    fn find_topic(&self, producer: &Producer) -> Result<(), SinkError> {
        match self.serializer.topic {
            None => producer.partitions(&self.topic, self.client.request_timeout).map(drop),
            Some(_) => Ok(()),
        }
    }

    /// The same, before there is a client.
    fn find_topic_by(&self, cluster: &mut Cluster) -> Result<(), SinkError> {
        if self.serializer.topic.is_some() {
            return Ok(());
        }
        match cluster.topic(&self.topic) {
            Ok(TopicState::Exists) => Ok(()),
            // It may be one that is made when it is asked for by somebody who is to write.
            Ok(TopicState::Missing) => self.find_topic(&Producer::new(self, &[])?),
            Err(error) => Err(SinkError::Io {
                what: format!("cannot reach Kafka for topic {}", self.topic),
                error: error.into_io(),
            }),
        }
    }
}

/// Writes records to a topic, or to several.
///
/// * With [`Guarantee::ExactlyOnce`], records are written in transactions, one for each checkpoint and subtask, which are
///   committed once their checkpoint is complete. Readers see them then, if they read with `isolation.level=read_committed`.
///   A crash at any point neither loses nor repeats them: whoever goes on from the checkpoint commits its transactions.
///   Needs Kafka 3.0 or later, and a connection without TLS. See [`KafkaSink::transaction_timeout`] for how long a job may be
///   down.
/// * With [`Guarantee::AtLeastOnce`], a checkpoint waits until all records before it are written.
/// * With [`Guarantee::None`], nothing waits: records may be lost when the process dies.
///
/// In all cases records of a subtask reach a partition in order, and a record that cannot be written fails the job.
///
/// Building one does no I/O; a cluster that does not answer and a topic that does not exist are errors when the job starts.
///
/// ```
/// use millstream::connector::Guarantee;
/// use millstream_connectors::kafka::KafkaSink;
/// let counts = KafkaSink::<(String, u64)>::json("localhost:9092", "counts")
///     .key(|(word, _), out| { out.extend_from_slice(word.as_bytes()); Ok(()) })
///     .delivery(Guarantee::ExactlyOnce);
/// # let _ = counts;
/// ```
pub struct KafkaSink<T> {
    settings: Settings<T>,
}

impl<T> Clone for KafkaSink<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone() }
    }
}

impl<T: Data> KafkaSink<T> {
    /// Values are JSON. The brokers are given as `host:port`, separated by commas.
    pub fn json(brokers: impl Into<String>, topic: impl Into<String>) -> Self
    where
        T: Serialize,
    {
        Self::with_format(brokers, topic, Json::<T>::new())
    }

    /// Values are text, as `{}` shows them.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let words = KafkaSink::<String>::text("localhost:9092", "words");
    /// # let _ = words;
    /// ```
    pub fn text(brokers: impl Into<String>, topic: impl Into<String>) -> Self
    where
        T: Display,
    {
        Self::with_format(brokers, topic, Text)
    }

    /// Values are of a format.
    ///
    /// ```
    /// # use millstream_connectors::format::Csv;
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let rows = KafkaSink::with_format("localhost:9092", "rows", Csv::<(String, u64)>::new());
    /// # let _ = rows;
    /// ```
    pub fn with_format(
        brokers: impl Into<String>,
        topic: impl Into<String>,
        mut format: impl SerializationSchema<T>,
    ) -> Self {
        Self::with_serializer(brokers, topic, move |value, out| format.serialize(value, out))
    }

    /// Values are what a function appends.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let raw = KafkaSink::<Vec<u8>>::with_serializer("localhost:9092", "raw", |value, out| {
    ///     out.extend_from_slice(value);
    ///     Ok(())
    /// });
    /// # let _ = raw;
    /// ```
    pub fn with_serializer(
        brokers: impl Into<String>,
        topic: impl Into<String>,
        value: impl FnMut(&T, &mut Vec<u8>) -> Result<()> + Clone + Send + Sync + 'static,
    ) -> Self {
        let settings = Settings {
            client: ClientSettings::new(brokers),
            topic: topic.into(),
            serializer: Serializer::new(value),
            delivery: Guarantee::AtLeastOnce,
            prefix: None,
            transaction_timeout: DEFAULT_TRANSACTION_TIMEOUT,
            allowed_downtime: DEFAULT_ALLOWED_DOWNTIME,
            lost: LostTransactions::default(),
        };
        Self { settings }
    }

    /// Records have keys, which a function appends; those with the same key go to the same partition, the one that Java's client
    /// would choose.
    #[must_use]
    pub fn key(mut self, key: impl FnMut(&T, &mut Vec<u8>) -> Result<()> + Clone + Send + Sync + 'static) -> Self {
        self.settings.serializer.key = Some(Box::new(key));
        self
    }

    /// Each record goes to the topic that a function names, rather than to the sink's.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let by_level = KafkaSink::<(String, String)>::json("localhost:9092", "logs")
    ///     .topic_by(|(level, _)| format!("logs-{level}"));
    /// # let _ = by_level;
    /// ```
    #[must_use]
    pub fn topic_by(mut self, topic: impl Fn(&T) -> String + Send + Sync + 'static) -> Self {
        self.settings.serializer.topic = Some(Arc::new(topic));
        self
    }

    /// Each record goes to the partition that a function chooses, given how many its topic has.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let spread = KafkaSink::<u32>::json("localhost:9092", "ids").partition_by(|id, partitions| *id as i32 % partitions);
    /// # let _ = spread;
    /// ```
    #[must_use]
    pub fn partition_by(mut self, partition: impl Fn(&T, i32) -> i32 + Send + Sync + 'static) -> Self {
        self.settings.serializer.partition = Some(Arc::new(partition));
        self
    }

    /// Records have headers.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let marked = KafkaSink::<u64>::json("localhost:9092", "ids").headers(|_| vec![("origin".into(), b"millstream".to_vec())]);
    /// # let _ = marked;
    /// ```
    #[must_use]
    pub fn headers(mut self, headers: impl Fn(&T) -> Vec<(String, Vec<u8>)> + Send + Sync + 'static) -> Self {
        self.settings.serializer.headers = Some(Arc::new(headers));
        self
    }

    /// Records have the timestamps that a function gives, rather than their event times. Those without either have the time
    /// at which they are written.
    ///
    /// ```
    /// # use millstream::time::Timestamp;
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let timed = KafkaSink::<(i64, String)>::json("localhost:9092", "log").timestamps(|(at, _)| Timestamp::from_millis(*at));
    /// # let _ = timed;
    /// ```
    #[must_use]
    pub fn timestamps(mut self, time: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> Self {
        self.settings.serializer.time = Some(Arc::new(time));
        self
    }

    /// Records for which a function says so have no value: in a compacted topic, they delete their key.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let latest = KafkaSink::<(String, Option<u64>)>::json("localhost:9092", "latest")
    ///     .key(|(key, _), out| { out.extend_from_slice(key.as_bytes()); Ok(()) })
    ///     .tombstones(|(_, value)| value.is_none());
    /// # let _ = latest;
    /// ```
    #[must_use]
    pub fn tombstones(mut self, is_tombstone: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.settings.serializer.tombstone = Some(Arc::new(is_tombstone));
        self
    }

    /// What is promised about records when the job fails; unless this is called, [`Guarantee::AtLeastOnce`].
    #[must_use]
    pub fn delivery(mut self, guarantee: Guarantee) -> Self {
        self.settings.delivery = guarantee;
        self
    }

    /// Names the sink's transactions, for rights and tools; and has a start abort what any earlier job with the same prefix has
    /// left open, so that readers need not wait until it expires. No two sinks that run at the same time may have the same
    /// prefix.
    ///
    /// Unless this is called, only those of the same job are aborted, when it goes on.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let orders = KafkaSink::<u64>::json("localhost:9092", "orders").transactional_id_prefix("orders");
    /// # let _ = orders;
    /// ```
    #[must_use]
    pub fn transactional_id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = Some(prefix.into());
        self
    }

    /// How long a transaction may be open until the cluster aborts it; unless this is called, 15 minutes. It must be longer than
    /// the pause between checkpoints and [`KafkaSink::allowed_downtime`] together, and not above what the brokers allow
    /// (`transaction.max.timeout.ms`).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let brief = KafkaSink::<u64>::json("localhost:9092", "ids")
    ///     .transaction_timeout(Duration::from_secs(120))
    ///     .allowed_downtime(Duration::from_secs(60));
    /// # let _ = brief;
    /// ```
    #[must_use]
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.settings.transaction_timeout = timeout;
        self
    }

    /// How long the job may be down after a crash and still go on without losing output; unless this is called, 5 minutes.
    #[must_use]
    pub fn allowed_downtime(mut self, downtime: Duration) -> Self {
        self.settings.allowed_downtime = downtime;
        self
    }

    /// What is done about a transaction that the cluster has aborted since its checkpoint; unless this is called, the job fails.
    #[must_use]
    pub fn lost_transactions(mut self, lost: LostTransactions) -> Self {
        self.settings.lost = lost;
        self
    }

    /// How long the cluster may take to answer, before that is an error; unless this is called, 30 seconds.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.client.request_timeout = timeout;
        self
    }

    /// Sets a property of librdkafka, which does the work.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSink;
    /// let packed = KafkaSink::<u64>::json("localhost:9092", "ids").property("compression.type", "lz4");
    /// # let _ = packed;
    /// ```
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.client.properties.insert(key.into(), value.into());
        self
    }

    /// Finds settings that cannot be.
    fn validate(&self) -> Result<(), SinkError> {
        let Settings { client, topic, prefix, delivery, .. } = &self.settings;
        let invalid = |reason: String| Err(SinkError::Invalid(format!("Kafka sink: {reason}")));
        if let Err(reason) = client.validate(&OURS) {
            return invalid(reason);
        }
        if topic.is_empty() && self.settings.serializer.topic.is_none() {
            return invalid("the topic has no name".to_owned());
        }
        if prefix.as_ref().is_some_and(String::is_empty) {
            return invalid("the prefix of transactional ids is empty".to_owned());
        }
        let protocol = client.properties.get("security.protocol");
        match protocol.filter(|protocol| !protocol.eq_ignore_ascii_case("plaintext")) {
            Some(protocol) if *delivery == Guarantee::ExactlyOnce => invalid(format!(
                "exactly-once delivery needs connections without encryption and authentication, and security.protocol is \
                 {protocol}: use `Guarantee::AtLeastOnce`, or a listener of the brokers that is PLAINTEXT"
            )),
            _ => Ok(()),
        }
    }
}

impl<T: Data> Sink for KafkaSink<T> {
    type In = T;
    type Committable = Transaction;
    type Writer = KafkaWriter<T>;
    type Committer = KafkaCommitter<T>;

    fn name(&self) -> String {
        format!("kafka:{}", self.settings.topic)
    }

    fn guarantee(&self) -> Guarantee {
        self.settings.delivery
    }

    fn writer(&self, ctx: SinkContext) -> Result<KafkaWriter<T>, SinkError> {
        self.validate()?;
        KafkaWriter::new(Arc::new(self.settings.clone()), &ctx)
    }

    fn committer(&self) -> Result<KafkaCommitter<T>, SinkError> {
        self.validate()?;
        Ok(KafkaCommitter::new(Arc::new(self.settings.clone())))
    }
}
