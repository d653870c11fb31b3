//! How records of a stream become records of a topic.

use std::sync::Arc;

use millstream::Result;
use millstream::time::Timestamp;
use rdkafka::message::{Header, OwnedHeaders};

/// Appends bytes that are made of a record. Each writer has a clone of its own.
pub(super) trait Encode<T>: Send + Sync {
    fn encode(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()>;
    fn boxed_clone(&self) -> Box<dyn Encode<T>>;
}

impl<T, F> Encode<T> for F
where
    F: FnMut(&T, &mut Vec<u8>) -> Result<()> + Clone + Send + Sync + 'static,
{
    fn encode(&mut self, value: &T, out: &mut Vec<u8>) -> Result<()> {
        self(value, out)
    }

    fn boxed_clone(&self) -> Box<dyn Encode<T>> {
        Box::new(self.clone())
    }
}

type Topic<T> = Arc<dyn Fn(&T) -> String + Send + Sync>;
type Partition<T> = Arc<dyn Fn(&T, i32) -> i32 + Send + Sync>;
type Headers<T> = Arc<dyn Fn(&T) -> Vec<(String, Vec<u8>)> + Send + Sync>;
type Time<T> = Arc<dyn Fn(&T) -> Timestamp + Send + Sync>;
type Tombstone<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// What of a topic's record is made how.
pub(super) struct Serializer<T> {
    pub(super) value: Box<dyn Encode<T>>,
    pub(super) key: Option<Box<dyn Encode<T>>>,
    pub(super) topic: Option<Topic<T>>,
    pub(super) partition: Option<Partition<T>>,
    pub(super) headers: Option<Headers<T>>,
    pub(super) time: Option<Time<T>>,
    pub(super) tombstone: Option<Tombstone<T>>,
}

impl<T> Clone for Serializer<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.boxed_clone(),
            key: self.key.as_ref().map(|key| key.boxed_clone()),
            topic: self.topic.clone(),
            partition: self.partition.clone(),
            headers: self.headers.clone(),
            time: self.time.clone(),
            tombstone: self.tombstone.clone(),
        }
    }
}

impl<T> Serializer<T> {
    /// Records with a value and nothing else.
    pub(super) fn new(value: impl FnMut(&T, &mut Vec<u8>) -> Result<()> + Clone + Send + Sync + 'static) -> Self {
        let value = Box::new(value);
        Self { value, key: None, topic: None, partition: None, headers: None, time: None, tombstone: None }
    }

    /// The headers of a record, if it is to have any.
    pub(super) fn headers(&self, value: &T) -> Option<OwnedHeaders> {
        let headers = self.headers.as_ref()?(value);
        let insert =
            |made: OwnedHeaders, (key, value): &(String, Vec<u8>)| made.insert(Header { key, value: Some(value) });
        (!headers.is_empty()).then(|| headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), insert))
    }

    /// The timestamp of a record in milliseconds; none leaves it to the client.
    pub(super) fn time(&self, value: &T, event_time: Timestamp) -> Option<i64> {
        let time = self.time.as_ref().map_or(event_time, |time| time(value));
        // Kafka has no times before 1970, and the client takes the first millisecond of that year for none.
        (time.is_set() && time.as_millis() > 0).then(|| time.as_millis())
    }
}
