//! The source contract: an enumerator finds splits, readers read them, and the end is said, never guessed.
//!
//! * A [`Source`] is the description, built without I/O. It makes one [`Enumerator`], beside the JobMaster, and a
//!   [`Reader`] in each subtask.
//! * The enumerator hands out [`Split`]s when readers ask. Only it can say that there will be no more.
//! * A reader reads the splits it was given. One call reads from one split only and says what happened ([`Read`]).
//! * A split holds its own reading position: [`Reader::position`] answers with the split as it would be resumed now.
//!   That, and the enumerator's state, is what a snapshot holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::channel::size::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
use crate::data::Data;
use crate::observe::MetricGroup;
use crate::time::Timestamp;

/// A source that cannot be read, or holds what its reader does not accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The outside world failed.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, with the file, address or topic.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A record that cannot be decoded.
    #[error("{place}: {reason}")]
    Malformed {
        /// File, line and column, or partition and offset.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The enumerator panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// A setting that cannot be, or an input that does not exist.
    #[error("{0}")]
    Invalid(String),
}

/// Whether a source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundedness {
    /// It ends by itself.
    Bounded,
    /// It goes on until the job is stopped.
    Unbounded,
}

/// A part of a source that one reader reads: a file, a range of bytes, a partition. Holds its reading position.
pub trait Split: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Its identity, the same at every position.
    fn id(&self) -> &str;

    /// What a person calls it.
    fn name(&self) -> Arc<str> {
        self.id().into()
    }

    /// What the positions of its records count, for messages: `"line"`, `"offset"`.
    fn position_unit(&self) -> &'static str {
        "record"
    }

    /// Where the record at `position` stands, as a person would look it up: `words.txt line 17`.
    ///
    /// Asked for when a job has failed, so it may read the source again.
    fn place(&self, position: u64) -> String {
        format!("{} {} {position}", self.name(), self.position_unit())
    }
}

/// A source of records.
///
/// Contract: building and cloning one does no I/O. `enumerator` may do I/O; it runs on a thread that may wait.
pub trait Source: Send + Sync + 'static {
    /// The records' values.
    type Out: Data;
    /// Its parts.
    type Split: Split;
    /// What finds and hands out the parts.
    type Enumerator: Enumerator<Split = Self::Split>;
    /// What reads them.
    type Reader: Reader<Out = Self::Out, Split = Self::Split>;

    /// What it is called unless the job says otherwise, for example `file:words.txt`.
    fn name(&self) -> String;

    /// Whether it ends.
    fn boundedness(&self) -> Boundedness;

    /// Whether [`Reader::read`] may wait. Such readers get a thread each, which hands batches over to the subtask.
    fn may_block(&self) -> bool {
        true
    }

    /// Whether each split has its reader from the start: a reader reads only when it has been told what is its own, and is
    /// told of its splits among those discovered later though it is not done with others. For splits that are read side by
    /// side, such as partitions, of which one that has to wait for a reader would be late.
    ///
    /// Unless a source says so, a reader asks when it has read what it had, so that one that is free gets the next split.
    fn assigns_ahead(&self) -> bool {
        false
    }

    /// The enumerator, new or as it was when `restored` was snapshotted.
    fn enumerator(
        &self,
        restored: Option<<Self::Enumerator as Enumerator>::State>,
    ) -> Result<Self::Enumerator, SourceError>;

    /// A reader without splits.
    fn reader(&self, ctx: ReaderContext) -> Result<Self::Reader, SourceError>;
}

/// What a reader can know of its place.
#[derive(Debug, Clone)]
pub struct ReaderContext {
    /// Which reader this is, from 0.
    pub subtask: usize,
    /// How many there are.
    pub parallelism: usize,
}

/// What an enumerator answers a reader that asks for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment<S> {
    /// Read these.
    Splits(Vec<S>),
    /// Nothing now; there may be more after the next discovery.
    Later,
    /// There will never be more. The reader ends when it has read what it has.
    End,
}

/// Finds a source's splits and hands each of them to one reader.
///
/// Contract:
/// * `discover` is called once before the first `next`, and again every `discovery_interval` if there is one.
/// * Each split is handed out once, unless it is given back.
/// * After `End` has been answered, no more splits are handed out to that reader, whatever is given back.
/// * `snapshot` holds all that is needed not to lose or repeat a split that has not been handed out.
pub trait Enumerator: Send + 'static {
    /// What it hands out.
    type Split: Split;
    /// What it remembers.
    type State: Serialize + DeserializeOwned + Send + 'static;

    /// Looks for splits. May do I/O.
    fn discover(&mut self) -> Result<(), SourceError>;

    /// How often to look again; `None` for only once.
    fn discovery_interval(&self) -> Option<Duration> {
        None
    }

    /// A reader asks for work.
    fn next(&mut self, reader: &ReaderContext) -> Assignment<Self::Split>;

    /// Takes back splits of a reader that failed.
    fn give_back(&mut self, splits: Vec<Self::Split>);

    /// What has not been handed out.
    fn snapshot(&self) -> Self::State;
}

/// What a call of [`Reader::read`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Read from the split with this id; the buffer may have got records.
    From(Arc<str>),
    /// Read the split with this id to its end; the buffer may have got its last records. The reader has forgotten it.
    EndOf(Arc<str>),
    /// There is nothing to read in the split with this id now, though there may be in others.
    NothingIn(Arc<str>),
    /// There is nothing to read in any of the splits now; try again after this time.
    Nothing(Duration),
    /// It may not read yet, though there may be something; try again after this time. Unlike [`Read::Nothing`], this does
    /// not count as silence of the splits.
    Paused(Duration),
    /// It has no splits.
    NoSplits,
}

/// Reads splits.
///
/// Contract:
/// * A call of `read` puts records of at most one split into the buffer, in order, and stops soon after the buffer
///   is full. It may wait only if [`Source::may_block`] says so, and then not much longer than a tenth of a second
///   for data that has not arrived yet.
/// * After an error it may not be called again.
pub trait Reader: 'static {
    /// The records' values.
    type Out: Data;
    /// What it reads.
    type Split: Split;

    /// Takes a split to read from its position on.
    fn add(&mut self, split: Self::Split) -> Result<(), SourceError>;

    /// Reads some records.
    fn read(&mut self, out: &mut ReadBuffer<Self::Out>) -> Result<Read, SourceError>;

    /// Leaves these splits, by their ids, unread from now on, and reads all others that it has; answers whether it can. If
    /// it cannot, it is not asked for records as long as all of its splits are left out.
    fn hold(&mut self, splits: &BTreeSet<Arc<str>>) -> Result<bool, SourceError> {
        let _ = splits;
        Ok(false)
    }

    /// The split as it would be resumed after what has been read; `None` if the reader does not have it.
    fn position(&self, split: &str) -> Option<Self::Split>;

    /// A snapshot is complete that holds these positions of the reader's splits; for readers that tell the outside world how
    /// far they have come. Splits that had ended by then are not among them, and snapshots may be passed over.
    fn completed(&mut self, _positions: Vec<Self::Split>) {}

    /// Sets metrics of its own; called after each read, so it should return at once as long as nothing is new.
    fn report(&mut self, _metrics: &MetricGroup) {}
}

/// Takes the records that a reader reads.
#[derive(Debug)]
pub struct ReadBuffer<T> {
    pub(crate) batch: crate::channel::Batch<T>,
    /// How many records make it full.
    max_records: usize,
    bytes: usize,
    pub(crate) skipped: u64,
    pub(crate) rejected: Vec<(String, String)>,
}

impl<T> Default for ReadBuffer<T> {
    fn default() -> Self {
        Self {
            batch: crate::channel::Batch::new(),
            max_records: MAX_BATCH_RECORDS,
            bytes: 0,
            skipped: 0,
            rejected: Vec::new(),
        }
    }
}

impl<T> ReadBuffer<T> {
    /// Whether the reader should stop: what was read makes a full batch, by number or by bytes, whatever became of it.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.records_read() >= self.max_records as u64 || self.bytes >= MAX_BATCH_BYTES
    }

    /// How many records more make it full.
    pub fn room(&self) -> usize {
        if self.is_full() { 0 } else { self.max_records - self.records_read() as usize }
    }

    /// Lets it be full with fewer records than a batch holds, or again with as many.
    pub(crate) fn set_max_records(&mut self, max: usize) {
        self.max_records = max.min(MAX_BATCH_RECORDS);
    }

    /// How many records were read: put into it, left out or rejected.
    pub(crate) fn records_read(&self) -> u64 {
        (self.batch.len() + self.rejected.len()) as u64 + self.skipped
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The records' values; for tests.
    pub fn values(&self) -> &[T] {
        self.batch.values()
    }

    /// How many malformed records were left out; for tests.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The malformed records that were rejected, each as its place and reason, and its text; for tests.
    pub fn rejected(&self) -> &[(String, String)] {
        &self.rejected
    }

    /// Adds a record without an event time.
    #[inline]
    pub fn push(&mut self, value: T) {
        self.batch.push(value);
    }

    /// Adds records without event times; the fastest way for values that are computed.
    #[inline]
    pub fn extend(&mut self, values: impl Iterator<Item = T>) {
        self.batch.extend(values);
    }

    /// Adds a record with an event time.
    #[inline]
    pub fn push_at(&mut self, value: T, time: Timestamp) {
        self.batch.push_at(value, time);
    }

    /// Adds a record with its position in the split (a line's number, an offset) and its size in bytes.
    #[inline]
    pub fn push_from(&mut self, value: T, time: Timestamp, position: u64, bytes: usize) {
        self.bytes += bytes;
        self.batch.push_from(value, time, Some(position));
    }

    /// Counts a record that was left out because it is malformed.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Sends a malformed record to the source's side output of rejects: where it stands with what is wrong, and its
    /// text as far as it can be shown.
    pub fn reject(&mut self, place_and_reason: String, raw: String) {
        self.bytes += raw.len() + place_and_reason.len();
        self.rejected.push((place_and_reason, raw));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.batch.clear();
        self.bytes = 0;
        self.skipped = 0;
        self.rejected.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rejected_or_left_out_fills_a_buffer_as_records_do() {
        let mut buffer = ReadBuffer::default();
        buffer.set_max_records(3);
        buffer.push(1);
        buffer.skip();
        assert!(!buffer.is_full() && buffer.room() == 1);
        buffer.reject("line 3: no number".to_owned(), "x".to_owned());
        assert!(buffer.is_full() && buffer.room() == 0);
    }
}
