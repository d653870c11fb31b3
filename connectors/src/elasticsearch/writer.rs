//! Sends documents.

use std::thread::sleep;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{SinkError, SinkWriter};

use super::bulk::{Document, body, outcome};
use super::{Refused, Settings};
use crate::http::Client;
use crate::retry::pauses;

/// How many bytes a request has, at most; one document may always go.
const MAX_BATCH_BYTES: usize = 5 << 20;
/// How much of a document that is left out is logged.
const SHOWN_BYTES: usize = 300;

/// Indexes the records of one subtask.
pub struct ElasticsearchWriter<T> {
    client: Client,
    settings: Settings<T>,
    documents: Vec<Document>,
    bytes: usize,
}

impl<T: Data> ElasticsearchWriter<T> {
    pub(super) fn new(settings: Settings<T>) -> Self {
        let client = Client::new(settings.headers.clone(), settings.timeout, settings.retry_for);
        Self { client, settings, documents: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, record: &T) -> Result<(), SinkError> {
        let (index, id) = ((self.settings.index)(record), self.settings.id.as_ref().map(|id| id(record)));
        let target = self.target(&index, id.as_deref());
        let document = Document::new(index, id, record)
            .map_err(|error| SinkError::Rejected { target, reason: format!("{error:#}") })?;
        self.bytes += document.bytes();
        self.documents.push(document);
        let is_full = self.documents.len() >= self.settings.batch_records || self.bytes >= MAX_BATCH_BYTES;
        if is_full { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), SinkError> {
        self.bytes = 0;
        let mut documents = std::mem::take(&mut self.documents);
        let mut pauses = pauses(self.settings.retry_for);
        while !documents.is_empty() {
            let url = format!("{}/_bulk", self.settings.url);
            let reply = self.client.post(&url, "application/x-ndjson", &body(&documents));
            let reply = reply.map_err(|error| SinkError::Io { what: format!("cannot post to {url}"), error })?;
            if !reply.is_success() {
                return Err(SinkError::Rejected { target: url, reason: reply.shown() });
            }
            let found = outcome(documents, &reply.body);
            let found = found.map_err(|reason| SinkError::Invalid(format!("{url}: {reason}: is the URL right?")))?;
            found.refused.iter().try_for_each(|(document, reason)| self.refused(document, reason))?;
            documents = found.again;
            match (documents.first(), pauses.next()) {
                (Some(_), Some(pause)) => sleep(pause),
                (Some(document), None) => {
                    let target = self.target(&document.index, document.id.as_deref());
                    let reason = "the server has had no resources for it, again and again".to_owned();
                    return Err(SinkError::Rejected { target, reason });
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    #[cold]
    fn refused(&self, document: &Document, reason: &str) -> Result<(), SinkError> {
        let target = self.target(&document.index, document.id.as_deref());
        match self.settings.refused {
            Refused::Fail => Err(SinkError::Rejected { target, reason: reason.to_owned() }),
            Refused::Skip => {
                tracing::warn!(target, reason, document = document.shown(SHOWN_BYTES), "leaving a document out");
                Ok(())
            }
        }
    }

    fn target(&self, index: &str, id: Option<&str>) -> String {
        let id = id.map_or(String::new(), |id| format!(", id `{id}`"));
        format!("index `{index}`{id} ({})", self.settings.url)
    }
}

impl<T: Data> SinkWriter for ElasticsearchWriter<T> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        while let Some(record) = records.next_value() {
            self.add(&record)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.send()
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        self.send()?;
        Ok(Vec::new())
    }
}
