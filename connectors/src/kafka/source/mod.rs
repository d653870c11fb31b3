//! The Kafka source.

mod deserialize;
mod enumerator;
mod messages;
mod metrics;
mod offsets;
mod reader;
mod record;
mod split;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Boundedness, ReaderContext, Source, SourceError};
use millstream::{Data, Result};
use rdkafka::consumer::BaseConsumer;

use self::deserialize::{ByFormat, ByFunction, Deserialize};
use super::client::{ClientSettings, Logging};
use crate::format::{DeserializationSchema, Json, Malformed, Text};

pub use enumerator::{KafkaEnumerator, KafkaEnumeratorState};
pub use offsets::{Offsets, Otherwise};
pub use reader::KafkaReader;
pub use record::KafkaRecord;
pub use split::KafkaSplit;
pub use topics::Topics;

/// Settings of librdkafka that the source decides about.
const OURS: [&str; 6] = [
    "group.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "auto.offset.reset",
    "allow.auto.create.topics",
];
/// How often to look for new partitions unless the source says otherwise.
const DEFAULT_DISCOVERY: Duration = Duration::from_secs(5 * 60);
/// The group of a consumer that is in none: it commits nothing.
const NO_GROUP: &str = "millstream";
/// What is set unless the user says otherwise: memory is bounded.
const DEFAULTS: [(&str, &str); 1] = [("queued.max.messages.kbytes", "32768")];

/// What a source is told to be, but for how records are made.
#[derive(Debug, Clone)]
struct Settings {
    client: ClientSettings,
    topics: Topics,
    group: Option<String>,
    start: Offsets,
    otherwise: Otherwise,
    stop: Option<Offsets>,
    discovery: Option<Duration>,
    on_malformed: Malformed,
}

impl Settings {
    fn invalid(&self, reason: &str) -> SourceError {
        SourceError::Invalid(format!("Kafka source {}: {reason}", self.topics))
    }

    fn consumer(&self) -> Result<BaseConsumer<Logging>, SourceError> {
        let needed = [
            ("group.id", self.group.as_deref().unwrap_or(NO_GROUP)),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            // To go on elsewhere would lose or repeat records.
            ("auto.offset.reset", "error"),
        ];
        let consumer = self.client.config(&DEFAULTS, &needed).create_with_context(Logging);
        consumer.map_err(|error| self.invalid(&error.to_string()))
    }
}

/// Reads the records of topics. A partition is a split: it has its own watermark, and is idle by itself.
///
/// * Event time is the record's timestamp, unless the stream says otherwise.
/// * Where reading has come to is part of the checkpoint. To the [group](KafkaSource::group) it is only told, once the checkpoint
///   is complete.
/// * Only committed records are read, unless `isolation.level` says otherwise.
/// * Without an end, new partitions are looked for ([`KafkaSource::discovery`]), and read from their first record on.
/// * Brokers may come and go while it reads. A cluster that does not answer and a topic that does not exist are errors when the
///   job starts, and a record that the cluster has deleted before it was read is one at any time.
///
/// Metrics of each reader are `pendingRecords`, and of each partition `TOPIC.PARTITION.recordsLag`, `currentOffset` and
/// `recordsConsumed`.
///
/// Building one does no I/O.
///
/// ```
/// use millstream_connectors::kafka::{KafkaSource, Offsets};
/// let lines = KafkaSource::<String>::text("localhost:9092", "lines").group("word-count").until(Offsets::Latest);
/// let orders = KafkaSource::<(u64, f64)>::json("localhost:9092", ["orders-eu", "orders-us"]).start_from(Offsets::Committed);
/// # let _ = (lines, orders);
/// ```
pub struct KafkaSource<T> {
    settings: Settings,
    deserializer: Box<dyn Deserialize<T>>,
}

impl<T> Clone for KafkaSource<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), deserializer: self.deserializer.boxed_clone() }
    }
}

impl KafkaSource<String> {
    /// Values are text in UTF-8. Records without a value are left out.
    pub fn text(brokers: impl Into<String>, topics: impl Into<Topics>) -> Self {
        Self::with_format(brokers, topics, Text)
    }
}

impl<T: Data> KafkaSource<T> {
    /// Values are JSON. Records without a value are left out. The brokers are given as `host:port`, separated by commas.
    pub fn json(brokers: impl Into<String>, topics: impl Into<Topics>) -> Self {
        Self::with_format(brokers, topics, Json::new())
    }

    /// Values are of a format. Records without a value are left out.
    ///
    /// ```
    /// # use millstream_connectors::format::Csv;
    /// # use millstream_connectors::kafka::KafkaSource;
    /// let rows = KafkaSource::with_format("localhost:9092", "rows", Csv::<(String, u64)>::new().delimiter(b';'));
    /// # let _ = rows;
    /// ```
    pub fn with_format(
        brokers: impl Into<String>,
        topics: impl Into<Topics>,
        format: impl DeserializationSchema<Out = T>,
    ) -> Self {
        Self::new(brokers, topics, Box::new(ByFormat(format)))
    }

    /// Records are made by a function; where it gives none, there is none. It sees the value, key, headers, timestamp, topic,
    /// partition and offset.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSource;
    /// let keyed = KafkaSource::with_deserializer("localhost:9092", "orders", |record| {
    ///     Ok(Some((record.key().unwrap_or_default().to_vec(), record.offset())))
    /// });
    /// # let _ = keyed;
    /// ```
    pub fn with_deserializer(
        brokers: impl Into<String>,
        topics: impl Into<Topics>,
        deserialize: impl FnMut(&KafkaRecord<'_>) -> Result<Option<T>> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::new(brokers, topics, Box::new(ByFunction(deserialize)))
    }

    fn new(brokers: impl Into<String>, topics: impl Into<Topics>, deserializer: Box<dyn Deserialize<T>>) -> Self {
        let settings = Settings {
            client: ClientSettings::new(brokers),
            topics: topics.into(),
            group: None,
            start: Offsets::Earliest,
            otherwise: Otherwise::default(),
            stop: None,
            discovery: Some(DEFAULT_DISCOVERY),
            on_malformed: Malformed::default(),
        };
        Self { settings, deserializer }
    }

    /// The group to which offsets are committed, for monitoring and for [`Offsets::Committed`]. Its members share nothing: each
    /// job reads all partitions.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSource;
    /// let watched = KafkaSource::<u64>::json("localhost:9092", "ids").group("billing");
    /// # let _ = watched;
    /// ```
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.settings.group = Some(group.into());
        self
    }

    /// Where a job begins that goes on from no snapshot; unless this is called, at [`Offsets::Earliest`].
    #[must_use]
    pub fn start_from(mut self, start: Offsets) -> Self {
        self.settings.start = start;
        self
    }

    /// Where partitions begin for which nothing is committed or given.
    ///
    /// ```
    /// # use millstream_connectors::kafka::{KafkaSource, Offsets, Otherwise};
    /// let strict = KafkaSource::<u64>::json("localhost:9092", "ids")
    ///     .group("billing")
    ///     .start_from(Offsets::Committed)
    ///     .otherwise(Otherwise::Fail);
    /// # let _ = strict;
    /// ```
    #[must_use]
    pub fn otherwise(mut self, otherwise: Otherwise) -> Self {
        self.settings.otherwise = otherwise;
        self
    }

    /// Ends where this says, which is looked up when the job starts. Partitions that come later are not read.
    #[must_use]
    pub fn until(mut self, stop: Offsets) -> Self {
        self.settings.stop = Some(stop);
        self
    }

    /// How often to look for new partitions, or topics that match; `None` for never. Unless this is called, every five minutes.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use millstream_connectors::kafka::{KafkaSource, Topics};
    /// let logs = KafkaSource::text("localhost:9092", Topics::pattern("logs-.*")).discovery(Some(Duration::from_secs(10)));
    /// # let _ = logs;
    /// ```
    #[must_use]
    pub fn discovery(mut self, interval: Option<Duration>) -> Self {
        self.settings.discovery = interval;
        self
    }

    /// What is done with a record that cannot be decoded; unless this is called, the job fails, with topic, partition and offset.
    ///
    /// ```
    /// # use millstream_connectors::format::Malformed;
    /// # use millstream_connectors::kafka::KafkaSource;
    /// let lenient = KafkaSource::<u64>::json("localhost:9092", "ids").on_malformed(Malformed::Skip);
    /// # let _ = lenient;
    /// ```
    #[must_use]
    pub fn on_malformed(mut self, policy: Malformed) -> Self {
        self.settings.on_malformed = policy;
        self
    }

    /// How long the cluster may take to answer when the job starts; unless this is called, 30 seconds.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.client.request_timeout = timeout;
        self
    }

    /// Sets a property of librdkafka, which does the work.
    ///
    /// ```
    /// # use millstream_connectors::kafka::KafkaSource;
    /// let all = KafkaSource::<u64>::json("localhost:9092", "ids").property("isolation.level", "read_uncommitted");
    /// # let _ = all;
    /// ```
    #[must_use]
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.client.properties.insert(key.into(), value.into());
        self
    }
}

impl<T: Data> Source for KafkaSource<T> {
    type Out = T;
    type Split = KafkaSplit;
    type Enumerator = KafkaEnumerator;
    type Reader = KafkaReader<T>;

    fn name(&self) -> String {
        format!("kafka:{}", self.settings.topics)
    }

    fn boundedness(&self) -> Boundedness {
        if self.settings.stop.is_some() { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn assigns_ahead(&self) -> bool {
        true
    }

    fn enumerator(&self, restored: Option<KafkaEnumeratorState>) -> Result<KafkaEnumerator, SourceError> {
        let Settings { client, start, stop, group, .. } = &self.settings;
        client.validate(&OURS).map_err(|reason| self.settings.invalid(&reason))?;
        if group.is_none() && (*start == Offsets::Committed || *stop == Some(Offsets::Committed)) {
            return Err(self.settings.invalid("committed offsets are a group's: name it with `group`"));
        }
        KafkaEnumerator::new(Arc::new(self.settings.clone()), restored)
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<KafkaReader<T>, SourceError> {
        KafkaReader::new(Arc::new(self.settings.clone()), self.deserializer.boxed_clone())
    }
}
