//! HTTP: a sink that posts records to a URL.

mod client;
mod writer;

use std::marker::PhantomData;
use std::time::Duration;

use millstream::Data;
use millstream::connector::{Guarantee, NoCommitter, Sink, SinkContext, SinkError};

#[cfg(feature = "elasticsearch")]
pub(crate) use client::{Client, may_pass};
pub use writer::HttpWriter;

use crate::format::{Json, SerializationSchema};

/// What a sink and its writers have in common.
#[derive(Debug, Clone)]
struct Settings<F> {
    url: String,
    format: F,
    headers: Vec<(String, String)>,
    content_type: String,
    /// How many records a request has, at most, one per line; `None` for one, as it is.
    batch_lines: Option<usize>,
    timeout: Duration,
    retry_for: Duration,
}

/// Posts records to a URL. At-least-once: a request is a success if its status is, and is repeated until then, for as long as
/// [`HttpSink::retry_for`] says, if nobody answers or the status says that it may pass (408, 425, 429, 500, 502, 503, 504,
/// after the time that the answer asks for). Any other status fails the job.
///
/// The records of a writer are sent in order, one request after another.
///
/// ```
/// use millstream_connectors::http::HttpSink;
///
/// let alerts = HttpSink::<String>::json("http://localhost:8080/alerts").header("Authorization", "Bearer secret");
/// # let _ = alerts;
/// ```
#[derive(Debug)]
pub struct HttpSink<T, F = Json<T>> {
    settings: Settings<F>,
    records: PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for HttpSink<T, F> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), records: PhantomData }
    }
}

impl<T: Data> HttpSink<T> {
    /// Each record as JSON.
    pub fn json(url: impl Into<String>) -> Self {
        Self::new(url, "application/json", Json::new())
    }
}

impl<T: Data, F: SerializationSchema<T>> HttpSink<T, F> {
    /// How long a request may take, unless the sink says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long a request is repeated, unless the sink says otherwise.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(60);

    /// Each record as a format has it.
    ///
    /// ```
    /// # use millstream_connectors::{format::Text, http::HttpSink};
    /// let lines = HttpSink::<u64, _>::new("http://localhost:8080/lines", "text/plain", Text).batch_lines(100);
    /// # let _ = lines;
    /// ```
    pub fn new(url: impl Into<String>, content_type: impl Into<String>, format: F) -> Self {
        let settings = Settings {
            url: url.into(),
            format,
            headers: Vec::new(),
            content_type: content_type.into(),
            batch_lines: None,
            timeout: Self::DEFAULT_TIMEOUT,
            retry_for: Self::DEFAULT_RETRY,
        };
        Self { settings, records: PhantomData }
    }

    /// Sends a header with each request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// Sends up to so many records at once, a line each: no record may have a newline in it.
    #[must_use]
    pub fn batch_lines(mut self, records: usize) -> Self {
        self.settings.batch_lines = Some(records.max(1));
        self
    }

    /// How long a request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a request is repeated that may pass. Zero is not at all.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.settings.retry_for = time;
        self
    }
}

impl<T: Data, F: SerializationSchema<T>> Sink for HttpSink<T, F> {
    type In = T;
    type Committable = ();
    type Writer = HttpWriter<T, F>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        format!("http:{}", self.settings.url)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn writer(&self, _ctx: SinkContext) -> Result<HttpWriter<T, F>, SinkError> {
        Ok(HttpWriter::new(self.settings.clone()))
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}
