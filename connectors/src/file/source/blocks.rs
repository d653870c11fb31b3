//! Reads a file block by block into one buffer, of which rows are slices.

use std::fs::File;
use std::io::{self, Read};

/// How much is read at a time; the buffer grows beyond it only for a row that is longer.
const BLOCK_BYTES: usize = 256 * 1024;

/// A window onto what has been read and not yet consumed.
pub(super) struct Blocks {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The window's bounds in the buffer.
    start: usize,
    end: usize,
    /// Where in the file the window begins.
    offset: u64,
    at_end: bool,
}

impl Blocks {
    /// Reads `input`, which stands at byte `offset` of the file.
    pub(super) fn new(input: Box<dyn Read + Send>, offset: u64) -> Self {
        Self { input, buffer: vec![0; BLOCK_BYTES], start: 0, end: 0, offset, at_end: false }
    }

    /// What has been read and not yet consumed.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where in the file the window begins.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the window goes to the end of the file.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Moves the window's beginning on.
    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
        debug_assert!(self.start <= self.end);
    }

    /// Reads on: the window's end moves, or it is known to be the file's.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            // Doubling: a long row is looked through anew after each block, which so stays linear.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        self.end += read;
        self.at_end = read == 0;
        Ok(())
    }

    /// Consumes so many bytes, or all if there are not as many.
    pub(super) fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 && !self.at_end {
            let part = bytes.min(self.window().len() as u64);
            self.consume(part as usize);
            bytes -= part;
            if bytes > 0 {
                self.fill()?;
            }
        }
        Ok(())
    }

    /// Consumes the rest of a line with its end.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let window = self.window();
            if let Some(newline) = memchr::memchr(b'\n', window) {
                self.consume(newline + 1);
                return Ok(());
            }
            self.consume(window.len());
            if self.at_end {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Consumes a byte order mark, which is no part of the first row.
    pub(super) fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        while self.window().len() < MARK.len() && !self.at_end {
            self.fill()?;
        }
        if self.window().starts_with(MARK) {
            self.consume(MARK.len());
        }
        Ok(())
    }
}

/// How many lines end in the first `bytes` bytes of a file.
pub(super) fn count_lines(file: File, bytes: u64) -> io::Result<u64> {
    let mut blocks = Blocks::new(Box::new(file.take(bytes)), 0);
    let mut lines = 0;
    while !blocks.at_end() {
        let window = blocks.window();
        lines += memchr::memchr_iter(b'\n', window).count() as u64;
        blocks.consume(window.len());
        blocks.fill()?;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time.
    struct Trickle(&'static [u8]);

    impl Read for Trickle {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let part = self.0.len().min(1).min(to.len());
            to[..part].copy_from_slice(&self.0[..part]);
            self.0 = &self.0[part..];
            Ok(part)
        }
    }

    #[test]
    fn lines_are_skipped_to_their_ends_across_blocks() {
        let mut blocks = Blocks::new(Box::new(Trickle(b"ab\ncd\nef")), 0);
        blocks.skip(1).unwrap();
        blocks.skip_line().unwrap();
        assert_eq!(blocks.offset(), 3);
        blocks.skip_line().unwrap();
        assert_eq!(blocks.offset(), 6);
        blocks.skip_line().unwrap();
        assert!(blocks.at_end() && blocks.window().is_empty() && blocks.offset() == 8);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_only_where_it_is() {
        for (text, offset) in [("\u{feff}a".as_bytes(), 3), (b"ab", 0), (b"", 0)] {
            let mut blocks = Blocks::new(Box::new(Trickle(text)), 0);
            blocks.skip_byte_order_mark().unwrap();
            assert_eq!(blocks.offset(), offset);
        }
    }
}
