//! Takes messages out of a consumer's queue, many at a time.
//!
//! The safe interface gives one message per call, with some cost for each; and does not tell at which offset a partition has
//! come to its end.

use std::ffi::CStr;
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use millstream::time::Timestamp;
use rdkafka::bindings as native;
use rdkafka::bindings::rd_kafka_timestamp_type_t;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use crate::kafka::client::Logging;

/// How many messages are taken at a time.
const BATCH: usize = 1024;

/// A message of a topic, or word of an error or of a partition's end.
pub(super) struct Message(NonNull<native::rd_kafka_message_t>);

impl Message {
    #[inline]
    pub(super) fn native(&self) -> &native::rd_kafka_message_t {
        // SAFETY: it is this value's own until it is dropped.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(super) fn partition(&self) -> i32 {
        self.native().partition
    }

    #[inline]
    pub(super) fn offset(&self) -> i64 {
        self.native().offset
    }

    /// How many bytes it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.native().len + self.native().key_len
    }

    /// Whether it is of this topic; not if it is of none.
    #[inline]
    pub(super) fn is_of(&self, topic: &CStr) -> bool {
        let found = self.native().rkt;
        // SAFETY: a topic's name ends with a zero byte, and lives as long as the message.
        !found.is_null() && unsafe { CStr::from_ptr(native::rd_kafka_topic_name(found)) } == topic
    }

    #[inline]
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive.
        let millis = unsafe { native::rd_kafka_message_timestamp(self.native(), &mut kind) };
        let is_there = kind != rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis >= 0;
        is_there.then(|| Timestamp::from_millis(millis))
    }

    /// What is wrong, if this is no record.
    #[inline]
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.native().err;
        (error != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    /// What librdkafka says of the error.
    pub(super) fn reason(&self) -> String {
        // SAFETY: the message is alive; there is text or null.
        let text = unsafe { native::rd_kafka_message_errstr(self.native()) };
        if text.is_null() {
            return String::new();
        }
        // SAFETY: the text ends with a zero byte, and lives as long as the message.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it is this value's own.
        unsafe { native::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// The queue of a consumer. It is to be dropped before the consumer.
pub(super) struct Messages {
    queue: NonNull<native::rd_kafka_queue_t>,
    batch: Vec<*mut native::rd_kafka_message_t>,
}

impl Messages {
    /// `None` if the consumer is in no group.
    pub(super) fn of(consumer: &BaseConsumer<Logging>) -> Option<Self> {
        // SAFETY: the consumer is alive; the queue is counted, so it may be destroyed here.
        let queue = unsafe { native::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, batch: vec![null_mut(); BATCH] })
    }

    /// Adds what is there to `taken`; if that is nothing, waits for some time.
    pub(super) fn take(&mut self, wait: Duration, taken: &mut Vec<Message>) {
        let mut count = self.consume(Duration::ZERO, BATCH);
        if count == 0 {
            // With more than one, it would wait until there are as many.
            count = self.consume(wait, 1);
        }
        // All at once: a message that nobody owns would never be destroyed, and the consumer would wait for it.
        taken.extend(self.batch[..count].iter().filter_map(|message| NonNull::new(*message).map(Message)));
    }

    fn consume(&mut self, wait: Duration, most: usize) -> usize {
        let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive, and the batch has room for `most` pointers, which are ours afterwards.
        let count =
            unsafe { native::rd_kafka_consume_batch_queue(self.queue.as_ptr(), millis, self.batch.as_mut_ptr(), most) };
        usize::try_from(count).unwrap_or(0)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: it was counted when it was taken.
        unsafe { native::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}
