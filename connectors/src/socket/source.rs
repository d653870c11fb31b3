//! The source.

use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Assignment, Boundedness, Enumerator, ReaderContext, Source, SourceError, Split};
use serde::{Deserialize, Serialize};

use super::SocketReader;
use crate::format::{DeserializationSchema, Malformed, Text};

/// What a source and its reader have in common.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) address: String,
    pub(super) max_line_bytes: usize,
    pub(super) retry_for: Duration,
    pub(super) on_malformed: Malformed,
}

/// Connects to a server and makes a record of each line that it sends, until it closes the connection. Without any guarantee: a
/// job that is restarted connects anew, and goes on with what is sent from then on.
///
/// Lines end with LF or CRLF, the last one may lack its end. One reader reads them.
///
/// ```
/// use millstream_connectors::{format::Json, socket::SocketSource};
///
/// let lines = SocketSource::lines("localhost:9000");
/// let points = SocketSource::new("localhost:9001", Json::<(f64, f64)>::new());
/// # let _ = (lines, points);
/// ```
#[derive(Debug, Clone)]
pub struct SocketSource<F = Text> {
    settings: Settings,
    format: F,
}

impl SocketSource {
    /// How long a line may be, unless the source says otherwise.
    pub const DEFAULT_MAX_LINE_BYTES: usize = 1 << 20;
    /// How long connecting is tried again, unless the source says otherwise.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(10);

    /// Each line as a string.
    pub fn lines(address: impl Into<String>) -> Self {
        Self::new(address, Text)
    }
}

impl<F: DeserializationSchema> SocketSource<F> {
    /// Each line as a format has it.
    pub fn new(address: impl Into<String>, format: F) -> Self {
        let settings = Settings {
            address: address.into(),
            max_line_bytes: SocketSource::DEFAULT_MAX_LINE_BYTES,
            retry_for: SocketSource::DEFAULT_RETRY,
            on_malformed: Malformed::default(),
        };
        Self { settings, format }
    }

    /// Fails if a line is longer than so many bytes.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_line_bytes = bytes;
        self
    }

    /// How long connecting is tried again when nobody listens. Zero is not at all.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.settings.retry_for = time;
        self
    }

    /// What is done with a line that cannot be decoded; unless this is called, the job fails.
    #[must_use]
    pub fn on_malformed(mut self, policy: Malformed) -> Self {
        self.settings.on_malformed = policy;
        self
    }
}

impl<F: DeserializationSchema> Source for SocketSource<F> {
    type Out = F::Out;
    type Split = SocketSplit;
    type Enumerator = SocketEnumerator;
    type Reader = SocketReader<F>;

    fn name(&self) -> String {
        format!("socket:{}", self.settings.address)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn enumerator(&self, restored: Option<SocketEnumeratorState>) -> Result<SocketEnumerator, SourceError> {
        let split = SocketSplit { address: self.settings.address.as_str().into(), lines: 0 };
        Ok(SocketEnumerator { pending: restored.map_or(Some(split), |state| state.pending) })
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<SocketReader<F>, SourceError> {
        Ok(SocketReader::new(self.settings.clone(), self.format.clone()))
    }
}

/// The connection, of which there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketSplit {
    pub(super) address: Arc<str>,
    /// How many lines have been read, over all connections.
    pub(super) lines: u64,
}

impl Split for SocketSplit {
    fn id(&self) -> &str {
        &self.address
    }

    fn position_unit(&self) -> &'static str {
        "line"
    }
}

/// Hands out the connection.
pub struct SocketEnumerator {
    pending: Option<SocketSplit>,
}

/// What a [`SocketEnumerator`] remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SocketEnumeratorState {
    pending: Option<SocketSplit>,
}

impl Enumerator for SocketEnumerator {
    type Split = SocketSplit;
    type State = SocketEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn next(&mut self, _reader: &ReaderContext) -> Assignment<SocketSplit> {
        self.pending.take().map_or(Assignment::End, |split| Assignment::Splits(vec![split]))
    }

    fn give_back(&mut self, splits: Vec<SocketSplit>) {
        self.pending = splits.into_iter().next().or(self.pending.take());
    }

    fn snapshot(&self) -> SocketEnumeratorState {
        SocketEnumeratorState { pending: self.pending.clone() }
    }
}
