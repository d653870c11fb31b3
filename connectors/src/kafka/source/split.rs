//! A partition, with how far it has been read.

use std::sync::Arc;

use millstream::connector::Split;
use serde::{Deserialize, Serialize};

/// A partition of a topic, from an offset on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSplit {
    id: Arc<str>,
    topic: Arc<str>,
    partition: i32,
    /// The offset to be read next.
    next: i64,
    /// The first offset that is not to be read; `None` if there is no end.
    stop: Option<i64>,
}

impl KafkaSplit {
    pub(super) fn new(topic: &str, partition: i32, next: i64, stop: Option<i64>) -> Self {
        // No two partitions have the same: topics have no `/` in their names.
        Self { id: format!("{topic}/{partition}").into(), topic: topic.into(), partition, next, stop }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition's number.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The offset that is read next.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Whether there is nothing left to read.
    pub(super) fn is_read(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }

    /// Whether an offset is to be read.
    #[inline]
    pub(super) fn contains(&self, offset: i64) -> bool {
        self.stop.is_none_or(|stop| offset < stop)
    }

    /// All before this offset has been read.
    #[inline]
    pub(super) fn advance(&mut self, next: i64) {
        self.next = self.next.max(next);
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }
}

impl Split for KafkaSplit {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> Arc<str> {
        format!("topic {} partition {}", self.topic, self.partition).into()
    }

    fn position_unit(&self) -> &'static str {
        "offset"
    }
}
