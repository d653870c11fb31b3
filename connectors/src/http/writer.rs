//! Posts records.

use std::marker::PhantomData;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{SinkError, SinkWriter};

use super::Settings;
use super::client::Client;
use crate::format::SerializationSchema;

/// How many bytes of lines are gathered, at most; one record may always go.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// Posts the records of one subtask.
pub struct HttpWriter<T, F> {
    client: Client,
    settings: Settings<F>,
    /// What is to be sent next.
    body: Vec<u8>,
    records: usize,
    taken: PhantomData<fn(T)>,
}

impl<T: Data, F: SerializationSchema<T>> HttpWriter<T, F> {
    pub(super) fn new(settings: Settings<F>) -> Self {
        let client = Client::new(settings.headers.clone(), settings.timeout, settings.retry_for);
        Self { client, settings, body: Vec::new(), records: 0, taken: PhantomData }
    }

    fn add(&mut self, record: &T) -> Result<(), SinkError> {
        let before = self.body.len();
        if let Err(error) = self.settings.format.serialize(record, &mut self.body) {
            self.body.truncate(before);
            return Err(SinkError::Rejected { target: self.settings.url.clone(), reason: format!("{error:#}") });
        }
        self.records += 1;
        let Some(most) = self.settings.batch_lines else { return self.send() };
        if memchr::memchr(b'\n', &self.body[before..]).is_some() {
            let reason = "there is a newline in it, where each record is to be a line".to_owned();
            return Err(SinkError::Rejected { target: self.settings.url.clone(), reason });
        }
        self.body.push(b'\n');
        if self.records >= most || self.body.len() >= MAX_BATCH_BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), SinkError> {
        if self.records == 0 {
            return Ok(());
        }
        let Settings { url, content_type, .. } = &self.settings;
        let reply = self.client.post(url, content_type, &self.body);
        let reply = reply.map_err(|error| SinkError::Io { what: format!("cannot post to {url}"), error })?;
        if !reply.is_success() {
            return Err(SinkError::Rejected { target: url.clone(), reason: reply.shown() });
        }
        self.body.clear();
        self.records = 0;
        Ok(())
    }
}

impl<T: Data, F: SerializationSchema<T>> SinkWriter for HttpWriter<T, F> {
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
