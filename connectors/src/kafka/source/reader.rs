//! Reads the partitions that it was given, in turns.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use millstream::Data;
use millstream::connector::{Read, ReadBuffer, Reader, SourceError, Split};
use millstream::observe::MetricGroup;
use millstream::time::Timestamp;
use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::Settings;
use super::deserialize::Deserialize;
use super::messages::{Message, Messages};
use super::metrics::{PartitionReport, Reporting};
use super::offsets::cannot;
use super::record::KafkaRecord;
use super::split::KafkaSplit;
use crate::format::Fault;
use crate::kafka::client::Logging;

/// How long a read waits for the first message.
const WAIT: Duration = Duration::from_millis(50);
/// How long the reader is left alone when there was nothing.
const PAUSE: Duration = Duration::from_millis(1);

/// Reads partitions.
pub struct KafkaReader<T> {
    settings: Arc<Settings>,
    deserializer: Box<dyn Deserialize<T>>,
    partitions: Vec<Reading>,
    /// Whose turn it is.
    turn: usize,
    reporting: Reporting,
    /// What has come and is not sorted by partition yet; empty but for that moment.
    taken: Vec<Message>,
    /// Before the consumer, since it is to be dropped first.
    messages: Messages,
    consumer: BaseConsumer<Logging>,
}

/// A partition that is being read.
struct Reading {
    split: KafkaSplit,
    id: Arc<str>,
    topic: CString,
    /// What has come and is not read.
    waiting: VecDeque<Message>,
    /// Whether all that there is has come.
    at_end: bool,
    /// Whether it is not to be read now.
    is_held: bool,
    /// How many records were read since the last report.
    records: u64,
}

impl<T: Data> KafkaReader<T> {
    pub(super) fn new(settings: Arc<Settings>, deserializer: Box<dyn Deserialize<T>>) -> Result<Self, SourceError> {
        let consumer = settings.consumer()?;
        let messages = Messages::of(&consumer).ok_or_else(|| settings.invalid("the consumer has no queue"))?;
        let reporting = Reporting::new();
        let (partitions, taken) = (Vec::new(), Vec::new());
        Ok(Self { settings, deserializer, partitions, turn: 0, reporting, taken, messages, consumer })
    }

    /// Takes what has come, for all partitions.
    fn receive(&mut self, wait: Duration) -> Result<(), SourceError> {
        let mut at = 0;
        self.messages.take(wait, &mut self.taken);
        for message in self.taken.drain(..) {
            let is_at =
                |reading: &Reading| reading.split.partition() == message.partition() && message.is_of(&reading.topic);
            // Messages come in runs of a partition.
            if !self.partitions.get(at).is_some_and(is_at) {
                match self.partitions.iter().position(is_at) {
                    Some(found) => at = found,
                    None => {
                        // Of no partition, or of one that has been read to its end.
                        if let Some(error) = message.error() {
                            complain(error, &message, None)?;
                        }
                        continue;
                    }
                }
            }
            let reading = &mut self.partitions[at];
            match message.error() {
                None | Some(RDKafkaErrorCode::PartitionEOF) => reading.waiting.push_back(message),
                Some(error) => complain(error, &message, Some(&reading.split))?,
            }
        }
        Ok(())
    }

    /// Reads what has come of a partition; answers with `None` if that was nothing.
    fn read_from(&mut self, at: usize, out: &mut ReadBuffer<T>) -> Result<Option<Read>, SourceError> {
        let Self { settings, deserializer, partitions, .. } = self;
        let reading = &mut partitions[at];
        if reading.waiting.is_empty() {
            return Ok(None);
        }
        let mut any = false;
        while !out.is_full()
            && let Some(message) = reading.waiting.pop_front()
        {
            if message.error().is_some() {
                // The end, as things stand: nothing is between it and the record before.
                reading.split.advance(message.offset());
                reading.at_end = true;
            } else if reading.split.contains(message.offset()) {
                reading.split.advance(message.offset() + 1);
                reading.at_end = false;
                reading.records += 1;
                any = true;
                take(settings, &mut **deserializer, &reading.split, &message, out)?;
            } else {
                reading.split.advance(message.offset());
            }
            if reading.split.is_read() {
                let id = Arc::clone(&reading.id);
                self.forget(at)?;
                return Ok(Some(Read::EndOf(id)));
            }
        }
        let id = Arc::clone(&reading.id);
        // What was left out has moved the position, too.
        Ok(Some(if any || !reading.at_end { Read::From(id) } else { Read::NothingIn(id) }))
    }

    /// Gives up a partition.
    fn forget(&mut self, at: usize) -> Result<(), SourceError> {
        let Reading { split, .. } = self.partitions.swap_remove(at);
        let mut list = TopicPartitionList::new();
        list.add_partition(split.topic(), split.partition());
        self.consumer.incremental_unassign(&list).map_err(|error| cannot("give up a partition", error))
    }

    /// How many offsets there are beyond those that were read, if the cluster has told.
    fn lag(&self, reading: &Reading) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the consumer is alive, the name ends with a zero byte, and the call asks only what the client knows.
        let error = unsafe {
            native::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                reading.topic.as_ptr(),
                reading.split.partition(),
                &mut low,
                &mut high,
            )
        };
        let is_known = error == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
        is_known.then(|| (high - reading.split.next()).max(0))
    }
}

/// Makes a record of a message.
#[inline]
fn take<T>(
    settings: &Settings,
    deserializer: &mut dyn Deserialize<T>,
    split: &KafkaSplit,
    message: &Message,
    out: &mut ReadBuffer<T>,
) -> Result<(), SourceError> {
    let record = KafkaRecord { topic: split.topic(), message };
    match deserializer.deserialize(&record) {
        Ok(Some(value)) => {
            let time = message.timestamp().unwrap_or(Timestamp::MIN);
            out.push_from(value, time, message.offset().unsigned_abs(), message.len());
        }
        Ok(None) => {}
        Err(error) => {
            let place = |_: &Fault| format!("{} offset {}", split.name(), record.offset());
            settings.on_malformed.settle(error, record.value().unwrap_or_default(), place, out)?;
        }
    }
    Ok(())
}

/// Says what a client has told, and fails if it will not pass.
#[cold]
fn complain(error: RDKafkaErrorCode, message: &Message, split: Option<&KafkaSplit>) -> Result<(), SourceError> {
    use RDKafkaErrorCode as E;
    let reason = message.reason();
    let place = split.map_or_else(|| "Kafka".to_owned(), |split| split.name().to_string());
    match error {
        E::AutoOffsetReset | E::OffsetOutOfRange => {
            let next = split.map_or(-1, KafkaSplit::next);
            Err(SourceError::Invalid(format!(
                "{place} offset {next} cannot be read: the cluster has deleted it, or never had it ({reason}). Records \
                 are lost: restore a later snapshot, or start anew from other offsets"
            )))
        }
        E::UnknownTopic
        | E::UnknownTopicOrPartition
        | E::UnknownPartition
        | E::TopicAuthorizationFailed
        | E::SaslAuthenticationFailed
        | E::Authentication
        | E::Fatal => Err(SourceError::Invalid(format!("{place} cannot be read: {error}: {reason}"))),
        // The client tries on.
        _ => {
            tracing::warn!("{place}: {error}: {reason}");
            Ok(())
        }
    }
}

impl<T: Data> Reader for KafkaReader<T> {
    type Out = T;
    type Split = KafkaSplit;

    fn add(&mut self, split: KafkaSplit) -> Result<(), SourceError> {
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(split.topic(), split.partition(), Offset::Offset(split.next()));
        let added = added.and_then(|()| self.consumer.incremental_assign(&list));
        added.map_err(|error| cannot(&format!("read {}", split.name()), error))?;
        let topic = CString::new(split.topic()).map_err(|error| self.settings.invalid(&error.to_string()))?;
        let id = split.shared_id();
        self.partitions.push(Reading {
            split,
            id,
            topic,
            waiting: VecDeque::new(),
            at_end: false,
            is_held: false,
            records: 0,
        });
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<T>) -> Result<Read, SourceError> {
        if self.partitions.is_empty() {
            return Ok(Read::NoSplits);
        }
        if let Some(at) = self.partitions.iter().position(|reading| reading.split.is_read() && !reading.is_held) {
            let id = Arc::clone(&self.partitions[at].id);
            self.forget(at)?;
            return Ok(Read::EndOf(id));
        }
        for wait in [None, Some(WAIT)] {
            if let Some(wait) = wait {
                self.receive(wait)?;
            }
            let count = self.partitions.len();
            for at in (self.turn..self.turn + count).map(|turn| turn % count) {
                if !self.partitions[at].is_held
                    && let Some(read) = self.read_from(at, out)?
                {
                    self.turn = at + 1;
                    return Ok(read);
                }
            }
        }
        // As long as the client has not come to the end everywhere, there may be something.
        let is_silent = self.partitions.iter().all(|reading| reading.at_end || reading.is_held);
        Ok(if is_silent { Read::Nothing(PAUSE) } else { Read::Paused(PAUSE) })
    }

    fn hold(&mut self, splits: &BTreeSet<Arc<str>>) -> Result<bool, SourceError> {
        let (mut paused, mut resumed) = (TopicPartitionList::new(), TopicPartitionList::new());
        for reading in &mut self.partitions {
            let is_held = splits.contains(&reading.id);
            if is_held != std::mem::replace(&mut reading.is_held, is_held) {
                let list = if is_held { &mut paused } else { &mut resumed };
                list.add_partition(reading.split.topic(), reading.split.partition());
            }
        }
        // What has come of them already waits here.
        let change = |list: &TopicPartitionList,
                      change: fn(&BaseConsumer<Logging>, &TopicPartitionList) -> KafkaResult<()>| {
            if list.count() == 0 { Ok(()) } else { change(&self.consumer, list) }
        };
        let done = change(&paused, BaseConsumer::pause).and_then(|()| change(&resumed, BaseConsumer::resume));
        done.map(|()| true).map_err(|error| cannot("hold partitions", error))
    }

    fn position(&self, split: &str) -> Option<KafkaSplit> {
        let reading = self.partitions.iter().find(|reading| reading.split.id() == split);
        reading.map(|reading| reading.split.clone())
    }

    fn completed(&mut self, positions: Vec<KafkaSplit>) {
        if self.settings.group.is_none() || positions.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(positions.len());
        let added = positions.iter().try_for_each(|split| {
            list.add_partition_offset(split.topic(), split.partition(), Offset::Offset(split.next()))
        });
        if let Err(error) = added.and_then(|()| self.consumer.commit(&list, CommitMode::Async)) {
            // Nobody goes on from them but for monitoring.
            tracing::warn!(topics = %self.settings.topics, "offsets cannot be committed: {error}");
        }
    }

    fn report(&mut self, metrics: &MetricGroup) {
        if !self.reporting.is_due() {
            return;
        }
        let reports = self.partitions.iter().map(|reading| PartitionReport {
            topic: reading.split.topic(),
            partition: reading.split.partition(),
            offset: reading.split.next(),
            lag: self.lag(reading),
            records: reading.records,
        });
        Reporting::report(metrics, reports);
        self.partitions.iter_mut().for_each(|reading| reading.records = 0);
    }
}
