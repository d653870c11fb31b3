//! Elasticsearch, OpenSearch and what else speaks their bulk protocol: a sink that indexes records.

mod bulk;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream::Data;
use millstream::connector::{Guarantee, NoCommitter, Sink, SinkContext, SinkError};

pub use writer::ElasticsearchWriter;

type Name<T> = Arc<dyn Fn(&T) -> String + Send + Sync>;

/// What a sink and its writers have in common.
struct Settings<T> {
    url: String,
    index: Name<T>,
    id: Option<Name<T>>,
    headers: Vec<(String, String)>,
    batch_records: usize,
    refused: Refused,
    timeout: Duration,
    retry_for: Duration,
}

/// What is done with a document that is refused for what it is, such as one with a field of another type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refused {
    /// The job fails, with index and id.
    #[default]
    Fail,
    /// It is left out, and a warning logged.
    Skip,
}

/// Indexes each record as a document, in requests of many. At-least-once; with [`ElasticsearchSink::id`] also idempotent: a
/// document is there once per id, as it was last.
///
/// Whole requests and single documents that are refused for want of resources (429, 503) are sent again, for as long as
/// [`ElasticsearchSink::retry_for`] says. Documents with one id keep their order.
///
/// ```
/// use millstream_connectors::elasticsearch::ElasticsearchSink;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Count { word: String, count: u64 }
///
/// let counts = ElasticsearchSink::new("http://localhost:9200", "counts").id(|count: &Count| count.word.clone());
/// # let _ = counts;
/// ```
pub struct ElasticsearchSink<T> {
    settings: Settings<T>,
}

impl<T: Data> ElasticsearchSink<T> {
    /// How many documents a request has, at most, unless the sink says otherwise.
    pub const DEFAULT_BATCH_RECORDS: usize = 1000;
    /// How long a request may take, unless the sink says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long something is tried again, unless the sink says otherwise.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(60);

    /// Documents of one index, on the server at a URL.
    pub fn new(url: impl Into<String>, index: impl Into<String>) -> Self {
        let index = index.into();
        let settings = Settings {
            url: url.into().trim_end_matches('/').to_owned(),
            index: Arc::new(move |_| index.clone()),
            id: None,
            headers: Vec::new(),
            batch_records: Self::DEFAULT_BATCH_RECORDS,
            refused: Refused::default(),
            timeout: Self::DEFAULT_TIMEOUT,
            retry_for: Self::DEFAULT_RETRY,
        };
        Self { settings }
    }

    /// The id of a record's document, which replaces the one that has it. Without, each document gets a new one.
    #[must_use]
    pub fn id(mut self, id: impl Fn(&T) -> String + Send + Sync + 'static) -> Self {
        self.settings.id = Some(Arc::new(id));
        self
    }

    /// The index of a record's document, for example one per day.
    ///
    /// ```
    /// # use millstream_connectors::elasticsearch::ElasticsearchSink;
    /// let logs = ElasticsearchSink::new("http://localhost:9200", "logs")
    ///     .index_by(|log: &(String, String)| format!("logs-{}", log.0));
    /// # let _ = logs;
    /// ```
    #[must_use]
    pub fn index_by(mut self, index: impl Fn(&T) -> String + Send + Sync + 'static) -> Self {
        self.settings.index = Arc::new(index);
        self
    }

    /// Sends a header with each request, such as `Authorization`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// How many documents a request has, at most.
    #[must_use]
    pub fn batch_records(mut self, records: usize) -> Self {
        self.settings.batch_records = records.max(1);
        self
    }

    /// What is done with a document that is refused for what it is; unless this is called, the job fails.
    #[must_use]
    pub fn on_refused(mut self, policy: Refused) -> Self {
        self.settings.refused = policy;
        self
    }

    /// How long a request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long something is tried again that may pass. Zero is not at all.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.settings.retry_for = time;
        self
    }
}

impl<T: Data> Sink for ElasticsearchSink<T> {
    type In = T;
    type Committable = ();
    type Writer = ElasticsearchWriter<T>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        format!("elasticsearch:{}", self.settings.url)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn writer(&self, _ctx: SinkContext) -> Result<ElasticsearchWriter<T>, SinkError> {
        Ok(ElasticsearchWriter::new(self.settings.clone()))
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        Self {
            url: self.url.clone(),
            index: Arc::clone(&self.index),
            id: self.id.clone(),
            headers: self.headers.clone(),
            ..*self
        }
    }
}

impl<T> Clone for ElasticsearchSink<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone() }
    }
}

impl<T> fmt::Debug for ElasticsearchSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElasticsearchSink").field("url", &self.settings.url).finish_non_exhaustive()
    }
}
