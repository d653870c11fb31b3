//! The rows of one split.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use millstream::connector::{ReadBuffer, SourceError};
use millstream::time::Timestamp;

use super::blocks::Blocks;
use super::split::{FileSplit, Resume, line_at};
use super::{Frame, RowDecoder, Settings, SplitReader};
use crate::file::Compression;
use crate::format::{DeserializeError, Fault};

/// An open split.
pub(super) struct Rows<D> {
    split: FileSplit,
    settings: Arc<Settings>,
    decoder: D,
    blocks: Blocks,
    /// The number of the next row's line, from 1; `None` as long as nobody has counted those before the split.
    line: Option<u64>,
}

impl<D: RowDecoder> Rows<D> {
    /// Opens a split where it is to be read on.
    pub(super) fn open(split: FileSplit, settings: Arc<Settings>, decoder: D) -> Result<Self, SourceError> {
        let path = Arc::<Path>::from(split.path());
        let failed = |error| cannot_read(&path, error);
        let (offset, line) = match split.resume() {
            Some(Resume { offset, line, .. }) => (offset, line),
            // One byte early: the row that begins the split is recognized by the newline before it.
            None if split.start() > 0 => (split.start() - 1, None),
            None => (0, Some(1)),
        };
        let is_fresh = split.resume().is_none();
        let blocks = open_at(&path, offset).map_err(failed)?;
        let mut rows = Self { split, settings, decoder, blocks, line };
        if offset == 0 && line.is_some() {
            rows.begin_file()?;
            return Ok(rows);
        }
        if is_fresh && rows.split.start() > 0 {
            rows.blocks.skip_line().map_err(failed)?;
        }
        if rows.decoder.has_header() {
            let (decoder, header_end) = rows.read_header_apart()?;
            rows.decoder = decoder;
            // Below empty lines, the header may begin in a later split than the file.
            let header = header_end.saturating_sub(rows.blocks.offset());
            rows.blocks.skip(header).map_err(failed)?;
        }
        Ok(rows)
    }

    #[inline]
    fn pass(&mut self, frame: Frame) {
        self.blocks.consume(frame.len);
        self.line = self.line.map(|line| line + frame.lines);
    }

    /// The next row; `None` at the end of the file.
    #[inline]
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            let window = self.blocks.window();
            let frame = match self.decoder.frame(window) {
                None if self.blocks.at_end() => {
                    if window.is_empty() {
                        return Ok(None);
                    }
                    // The last row may lack its line end.
                    Some(Frame { len: window.len(), lines: 1 })
                }
                frame => frame,
            };
            if frame.map_or(window.len(), |frame| frame.len) > self.settings.max_line_bytes {
                return Err(self.too_long());
            }
            if frame.is_some() {
                return Ok(frame);
            }
            self.blocks.fill().map_err(|error| cannot_read(self.split.path(), error))?;
        }
    }

    /// Takes what stands before the first row: a byte order mark, a header.
    fn begin_file(&mut self) -> Result<(), SourceError> {
        self.blocks.skip_byte_order_mark().map_err(|error| cannot_read(self.split.path(), error))?;
        while self.decoder.has_header() {
            let Some(frame) = self.next_frame()? else { break };
            let row = without_line_end(&self.blocks.window()[..frame.len]);
            let taken = self.decoder.header(row);
            let taken = taken.map_err(|fault| self.error(&fault, frame))?;
            self.pass(frame);
            if taken {
                break;
            }
        }
        Ok(())
    }

    /// The decoder with the header of a file that is being read from further on, and the byte where the header ends.
    fn read_header_apart(&self) -> Result<(D, u64), SourceError> {
        let begin = FileSplit::new(self.split.path(), 0, None);
        let begin = Self::open(begin, Arc::clone(&self.settings), self.decoder.clone())?;
        Ok((begin.decoder, begin.blocks.offset()))
    }

    #[cold]
    fn malformed(&mut self, fault: Fault, frame: Frame, out: &mut ReadBuffer<D::Out>) -> Result<(), SourceError> {
        let policy = self.settings.on_malformed;
        let row = without_line_end(&self.blocks.window()[..frame.len]).to_owned();
        policy.settle(DeserializeError::Malformed(fault), &row, |fault| self.place(fault.at.map(|at| (at, frame))), out)
    }

    /// The error of a malformed header, which is the next row.
    fn error(&mut self, fault: &Fault, frame: Frame) -> SourceError {
        let place = self.place(fault.at.map(|at| (at, frame)));
        SourceError::Malformed { place, reason: fault.reason.clone() }
    }

    #[cold]
    fn too_long(&mut self) -> SourceError {
        let place = self.place(None);
        let limit = self.settings.max_line_bytes;
        let reason = format!("the row is longer than {limit} bytes: raise `max_line_bytes`, or look for an open quote");
        SourceError::Malformed { place, reason }
    }

    /// File, line and, for a byte of the next row, column.
    fn place(&mut self, at: Option<(usize, Frame)>) -> String {
        let path = self.split.path().display().to_string();
        let offset = self.blocks.offset();
        // Counting from the file's start costs time; but once done, the lines that follow are counted as they come.
        self.line = self.line.or_else(|| line_at(self.split.path(), offset).ok());
        let Some(line) = self.line else { return format!("{path} byte {offset}") };
        let Some((at, frame)) = at else { return format!("{path} line {line}") };
        let before = &self.blocks.window()[..at.min(frame.len)];
        let lines = memchr::memchr_iter(b'\n', before).count() as u64;
        let last = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        let column = String::from_utf8_lossy(last).chars().count() + 1;
        format!("{path} line {} column {column}", line + lines)
    }
}

impl<D: RowDecoder> SplitReader for Rows<D> {
    type Out = D::Out;

    fn split(&self) -> &FileSplit {
        &self.split
    }

    fn position(&self) -> FileSplit {
        self.split.resumed_at(Resume { offset: self.blocks.offset(), line: self.line, records: 0 })
    }

    fn read(&mut self, out: &mut ReadBuffer<D::Out>) -> Result<bool, SourceError> {
        let by_line = self.split.counts_lines();
        let end = self.split.end();
        while !out.is_full() {
            let offset = self.blocks.offset();
            if offset >= end {
                return Ok(true);
            }
            let Some(frame) = self.next_frame()? else { return Ok(true) };
            let row = without_line_end(&self.blocks.window()[..frame.len]);
            match self.decoder.decode(row) {
                Ok(Some(value)) => {
                    let position = if by_line { self.line.unwrap_or(0) } else { offset };
                    out.push_from(value, Timestamp::MIN, position, frame.len);
                }
                Ok(None) => {}
                Err(fault) => self.malformed(fault, frame, out)?,
            }
            self.pass(frame);
        }
        Ok(false)
    }
}

/// Opens a file at a byte offset, which in a compressed one counts what it holds.
fn open_at(path: &Path, offset: u64) -> io::Result<Blocks> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    // An empty file is no compressed stream, but holds no row all the same.
    let compression = Compression::of(path).filter(|_| !metadata.is_file() || metadata.len() > 0);
    if let Some(compression) = compression {
        let mut blocks = Blocks::new(compression.reader(file)?, 0);
        blocks.skip(offset)?;
        return if blocks.offset() < offset { Err(shrunk(blocks.offset(), offset)) } else { Ok(blocks) };
    }
    if offset > 0 {
        if metadata.is_file() && metadata.len() < offset {
            return Err(shrunk(metadata.len(), offset));
        }
        file.seek(SeekFrom::Start(offset))?;
    }
    Ok(Blocks::new(Box::new(file), offset))
}

fn shrunk(len: u64, offset: u64) -> io::Error {
    io::Error::other(format!("it has become shorter: {len} bytes, where reading was to go on at byte {offset}"))
}

pub(super) fn cannot_read(path: &Path, error: io::Error) -> SourceError {
    SourceError::Io { what: format!("cannot read {}", path.display()), error }
}

/// A line without LF or CRLF.
#[inline]
pub(in crate::file::source) fn without_line_end(line: &[u8]) -> &[u8] {
    match line {
        [row @ .., b'\r', b'\n'] | [row @ .., b'\n'] => row,
        _ => line,
    }
}
