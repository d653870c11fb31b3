//! The sink.

use std::io::{self, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};

use crate::format::{SerializationSchema, Text};
use crate::retry::pauses;

/// How many bytes are sent at once, about.
const BUFFER_BYTES: usize = 64 * 1024;

/// Connects to a server and sends it a line per record. Each subtask has a connection of its own. Without any guarantee, since
/// nothing tells what has arrived: when a connection breaks, what was being sent is sent again on a new one.
///
/// ```
/// use millstream_connectors::{format::Json, socket::SocketSink};
///
/// let lines = SocketSink::<String>::lines("localhost:9000");
/// let points = SocketSink::new("localhost:9001", Json::<(f64, f64)>::new());
/// # let _ = (lines, points);
/// ```
#[derive(Debug)]
pub struct SocketSink<T, F = Text> {
    settings: Settings<F>,
    records: PhantomData<fn(T)>,
}

#[derive(Debug, Clone)]
struct Settings<F> {
    address: String,
    format: F,
    retry_for: Duration,
}

impl<T, F: Clone> Clone for SocketSink<T, F> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), records: PhantomData }
    }
}

impl<T: Data + std::fmt::Display> SocketSink<T> {
    /// Each record as `{}` shows it.
    pub fn lines(address: impl Into<String>) -> Self {
        Self::new(address, Text)
    }
}

impl<T: Data, F: SerializationSchema<T>> SocketSink<T, F> {
    /// How long connecting is tried again, unless the sink says otherwise.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(10);

    /// Each record as a format has it: no record may have a newline in it.
    pub fn new(address: impl Into<String>, format: F) -> Self {
        let settings = Settings { address: address.into(), format, retry_for: Self::DEFAULT_RETRY };
        Self { settings, records: PhantomData }
    }

    /// How long connecting and sending are tried again. Zero is not at all.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.settings.retry_for = time;
        self
    }
}

impl<T: Data, F: SerializationSchema<T>> Sink for SocketSink<T, F> {
    type In = T;
    type Committable = ();
    type Writer = SocketWriter<T, F>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        format!("socket:{}", self.settings.address)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn writer(&self, _ctx: SinkContext) -> Result<SocketWriter<T, F>, SinkError> {
        let settings = self.settings.clone();
        let mut writer = SocketWriter { settings, stream: None, buffer: Vec::new(), records: PhantomData };
        // Nothing yet: but whether somebody listens is known when the job starts.
        writer.try_send(true)?;
        Ok(writer)
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

/// Sends the records of one subtask.
pub struct SocketWriter<T, F> {
    settings: Settings<F>,
    stream: Option<TcpStream>,
    /// Whole lines that are to be sent.
    buffer: Vec<u8>,
    records: PhantomData<fn(T)>,
}

impl<T: Data, F: SerializationSchema<T>> SocketWriter<T, F> {
    fn add(&mut self, record: &T) -> Result<(), SinkError> {
        let before = self.buffer.len();
        let Settings { address, format, .. } = &mut self.settings;
        let rejected = |reason| SinkError::Rejected { target: address.clone(), reason };
        format.serialize(record, &mut self.buffer).map_err(|error| rejected(format!("{error:#}")))?;
        if memchr::memchr(b'\n', &self.buffer[before..]).is_some() {
            return Err(rejected("there is a newline in it, where each record is to be a line".to_owned()));
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_BYTES { self.try_send(false) } else { Ok(()) }
    }

    /// Sends what is buffered, if there is anything or if `even_nothing` is to be.
    fn try_send(&mut self, even_nothing: bool) -> Result<(), SinkError> {
        if self.buffer.is_empty() && !even_nothing {
            return Ok(());
        }
        let mut pauses = pauses(self.settings.retry_for);
        while let Err(error) = self.send_once() {
            self.stream = None;
            let what = || format!("cannot send to {}", self.settings.address);
            sleep(pauses.next().ok_or_else(|| SinkError::Io { what: what(), error })?);
        }
        self.buffer.clear();
        Ok(())
    }

    fn send_once(&mut self) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(super::connect(&self.settings.address)?),
        };
        stream.write_all(&self.buffer)
    }
}

impl<T: Data, F: SerializationSchema<T>> SinkWriter for SocketWriter<T, F> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        while let Some(record) = records.next_value() {
            self.add(&record)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.try_send(false)
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        self.try_send(false)?;
        Ok(Vec::new())
    }
}
