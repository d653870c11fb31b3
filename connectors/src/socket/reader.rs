//! Reads lines from a connection.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use memchr::memchr;
use millstream::connector::{Read, ReadBuffer, Reader, SourceError, Split};
use millstream::time::Timestamp;

use super::source::{Settings, SocketSplit};
use crate::format::{DeserializationSchema, Fault};
use crate::retry::pauses;

/// How much is read at a time.
const BLOCK_BYTES: usize = 64 * 1024;
/// How long it is waited for data.
const WAIT: Duration = Duration::from_millis(50);

/// Reads what a server sends.
pub struct SocketReader<F> {
    settings: Settings,
    format: F,
    open: Option<(SocketSplit, State)>,
}

/// How far a connection has come.
enum State {
    /// It is yet to be made, after these pauses if nobody listens.
    Connecting(Box<dyn Iterator<Item = Duration>>),
    Connected(Lines),
}

/// A connection, with what has come and is not a whole line yet.
struct Lines {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    is_closed: bool,
}

impl Lines {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(WAIT))?;
        Ok(Self { stream, buffer: Vec::new(), start: 0, is_closed: false })
    }

    /// The next line, without its end; `None` if it has not come as a whole.
    fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.buffer[self.start..];
        let line = match memchr(b'\n', rest) {
            Some(newline) => {
                self.start += newline + 1;
                &rest[..newline]
            }
            None if self.is_closed && !rest.is_empty() => {
                self.start = self.buffer.len();
                rest
            }
            None => return None,
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Reads on; `false` if nothing has come.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + BLOCK_BYTES, 0);
        let read = self.stream.read(&mut self.buffer[before..]);
        self.buffer.truncate(before + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(bytes) => {
                self.is_closed = bytes == 0;
                Ok(true)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<F: DeserializationSchema> SocketReader<F> {
    pub(super) fn new(settings: Settings, format: F) -> Self {
        Self { settings, format, open: None }
    }
}

/// Takes lines that have come; `true` if there are no more.
fn take<F: DeserializationSchema>(
    format: &mut F,
    settings: &Settings,
    split: &mut SocketSplit,
    lines: &mut Lines,
    out: &mut ReadBuffer<F::Out>,
) -> Result<bool, SourceError> {
    while !out.is_full() {
        let Some(line) = lines.next() else { return Ok(true) };
        split.lines += 1;
        let (number, len) = (split.lines, line.len());
        match format.deserialize(line) {
            Ok(Some(value)) => out.push_from(value, Timestamp::MIN, number, len),
            Ok(None) => {}
            Err(error) => {
                let place = |_: &Fault| format!("{} line {number}", settings.address);
                settings.on_malformed.settle(error, line, place, out)?;
            }
        }
    }
    Ok(false)
}

impl<F: DeserializationSchema> Reader for SocketReader<F> {
    type Out = F::Out;
    type Split = SocketSplit;

    fn add(&mut self, split: SocketSplit) -> Result<(), SourceError> {
        self.open = Some((split, State::Connecting(Box::new(pauses(self.settings.retry_for)))));
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<F::Out>) -> Result<Read, SourceError> {
        let Self { settings, format, open } = self;
        let Some((split, state)) = open else { return Ok(Read::NoSplits) };
        let failed = |what: &str, error| SourceError::Io { what: format!("cannot {what} {}", settings.address), error };
        let lines = match state {
            State::Connected(lines) => lines,
            State::Connecting(pauses) => match super::connect(&settings.address).and_then(Lines::new) {
                Ok(lines) => {
                    *state = State::Connected(lines);
                    return Ok(Read::From(Arc::clone(&split.address)));
                }
                Err(error) => {
                    let pause = pauses.next().ok_or_else(|| failed("connect to", error))?;
                    return Ok(Read::Paused(pause));
                }
            },
        };
        if !take(format, settings, split, lines, out)? {
            return Ok(Read::From(Arc::clone(&split.address)));
        }
        if lines.is_closed {
            let id = Arc::clone(&split.address);
            *open = None;
            return Ok(Read::EndOf(id));
        }
        if lines.buffer.len() - lines.start > settings.max_line_bytes {
            let place = format!("{} line {}", settings.address, split.lines + 1);
            let reason = format!("the line is longer than {} bytes: raise `max_line_bytes`", settings.max_line_bytes);
            return Err(SourceError::Malformed { place, reason });
        }
        let has_come = lines.fill().map_err(|error| failed("read from", error))?;
        // What has just come is taken by the next call, unless there is room now.
        if has_come {
            take(format, settings, split, lines, out)?;
        } else if out.is_empty() {
            return Ok(Read::Nothing(Duration::ZERO));
        }
        Ok(Read::From(Arc::clone(&split.address)))
    }

    fn position(&self, split: &str) -> Option<SocketSplit> {
        self.open.as_ref().map(|(open, _)| open).filter(|open| open.id() == split).cloned()
    }
}
