//! A record of a topic, as a deserializer sees it.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::slice;

use millstream::time::Timestamp;
use rdkafka::bindings as native;

use super::messages::Message;

/// A record of a topic.
pub struct KafkaRecord<'a> {
    pub(super) topic: &'a str,
    pub(super) message: &'a Message,
}

impl<'a> KafkaRecord<'a> {
    /// The topic it is from.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The topic's partition.
    pub fn partition(&self) -> i32 {
        self.message.partition()
    }

    /// Its place in the partition.
    pub fn offset(&self) -> i64 {
        self.message.offset()
    }

    /// Its key, if it has one.
    pub fn key(&self) -> Option<&'a [u8]> {
        let message = self.message.native();
        bytes(message.key, message.key_len)
    }

    /// Its value; `None` for a tombstone.
    pub fn value(&self) -> Option<&'a [u8]> {
        let message = self.message.native();
        bytes(message.payload, message.len)
    }

    /// Its timestamp: when it was made or, if the topic is set so, when it was appended.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.message.timestamp()
    }

    /// Its headers, in order. A name may be there several times.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + use<'a> {
        let mut headers = null_mut();
        // SAFETY: the message is alive, and keeps what is found here for as long as it is.
        let error = unsafe { native::rd_kafka_message_headers(self.message.native(), &mut headers) };
        let has_headers = error == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && !headers.is_null();
        (0..).map_while(move |index| {
            if !has_headers {
                return None;
            }
            let (mut name, mut value, mut len): (*const c_char, *const c_void, usize) = (null(), null(), 0);
            // SAFETY: the headers are the message's; beyond the last one there is an error and nothing is set.
            let error = unsafe { native::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut len) };
            if error != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            // SAFETY: names end with a zero byte, and live as long as the message.
            let name = unsafe { CStr::from_ptr(name) };
            Some((name.to_str().unwrap_or_default(), bytes(value.cast_mut(), len)))
        })
    }

    /// The value of the last header of this name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().filter(|(found, _)| *found == name).last().and_then(|(_, value)| value)
    }
}

/// Bytes of a message.
fn bytes<'a>(start: *mut c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: librdkafka gives null for nothing, and else `len` bytes that live as long as the message.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), len) })
}
