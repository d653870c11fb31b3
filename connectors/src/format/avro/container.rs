//! Container files: a header, then blocks of records with the file's sync marker behind each.
//!
//! ```text
//! "Obj" 01 | metadata: map of bytes | sync marker: 16 bytes
//! count: long | size: long | records, compressed: size bytes | sync marker        .. for each block
//! ```
//!
//! A block belongs to the range in which the marker *before* it begins. So whoever reads a range from its first byte
//! finds its blocks by looking for the marker, and each block is read once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::str::FromStr;

use apache_avro::{Codec, Schema};
use memchr::memmem;

use super::datum::{Decoder, Wrong};
use super::schema::interned;
use crate::format::{Block, BlockPosition, BlockRange, BlockReader};

const MAGIC: &[u8] = b"Obj\x01";
const MARKER_BYTES: u64 = 16;
/// How long a key or a value of the metadata may be.
const MAX_METADATA_BYTES: u64 = 16 << 20;

/// What stands at the beginning of a file.
struct Header {
    schema: &'static Schema,
    codec: Codec,
    marker: [u8; MARKER_BYTES as usize],
    /// The first byte after it.
    end: u64,
}

/// The blocks of a range.
pub(super) struct Blocks {
    input: BufReader<File>,
    header: Header,
    decoder: Decoder,
    /// The first byte of the next block.
    next: u64,
    /// How many of its records are to be left out.
    skip: u64,
    end: u64,
}

impl Blocks {
    /// Opens a range of a file.
    pub(super) fn open(file: File, range: BlockRange, reader: Option<&'static Schema>) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(64 * 1024, file);
        let header = read_header(&mut input)?;
        let decoder = Decoder::new(header.schema, reader).map_err(|error| damaged(format!("{error:#}")))?;
        let (next, skip) = match range.at {
            Some(BlockPosition { offset, records }) => (offset, records),
            None if range.start + MARKER_BYTES <= header.end => (header.end, 0),
            None => (find_block(&mut input, range.start, &header.marker)?, 0),
        };
        input.seek(SeekFrom::Start(next))?;
        Ok(Self { input, header, decoder, next, skip, end: range.end })
    }
}

impl<T: millstream::Data> BlockReader<T> for Blocks {
    fn next_block(&mut self) -> io::Result<Option<Block<T>>> {
        let offset = self.next;
        if offset.saturating_sub(MARKER_BYTES) >= self.end || self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let broken = |error: io::Error| damaged(format!("the block at byte {offset}: {error}"));
        let (count, mut bytes) = self.read_block().map_err(broken)?;
        self.header.codec.decompress(&mut bytes).map_err(|error| broken(io::Error::other(error)))?;
        self.next = self.input.stream_position()?;

        let skip = std::mem::take(&mut self.skip).min(count);
        let mut records = Vec::new();
        let mut rest = bytes.as_slice();
        for index in 0..count {
            let record = match self.decoder.decode(&mut rest) {
                Ok(record) => Ok(record),
                Err(Wrong::Record(rejected)) => Err(rejected),
                Err(Wrong::Bytes(fault)) => {
                    return Err(broken(io::Error::other(format!("record {}: {fault}", index + 1))));
                }
            };
            if index >= skip {
                records.push(record);
            }
        }
        Ok(Some(Block { position: BlockPosition { offset, records: skip }, row: None, bytes: bytes.len(), records }))
    }
}

impl Blocks {
    /// The number of records of the next block, and its bytes as they are in the file.
    fn read_block(&mut self) -> io::Result<(u64, Vec<u8>)> {
        let count = read_length(&mut self.input)?;
        let size = read_length(&mut self.input)?;
        let bytes = read_bytes(&mut self.input, size)?;
        let mut marker = [0; MARKER_BYTES as usize];
        self.input.read_exact(&mut marker)?;
        if marker != self.header.marker {
            return Err(io::Error::other("the file's sync marker does not stand behind it"));
        }
        Ok((count, bytes))
    }
}

fn read_header(input: &mut BufReader<File>) -> io::Result<Header> {
    let magic = read_bytes(input, MAGIC.len() as u64);
    if magic.ok().as_deref() != Some(MAGIC) {
        return Err(io::Error::other("this is no Avro container file: it does not begin with `Obj\\x01`"));
    }
    let broken = |error: io::Error| damaged(format!("the header: {error}"));
    let (schema, codec) = read_metadata(input).map_err(broken)?;
    let mut marker = [0; MARKER_BYTES as usize];
    input.read_exact(&mut marker).map_err(broken)?;
    Ok(Header { schema, codec, marker, end: input.stream_position()? })
}

/// The schema and the codec that a file's metadata name.
fn read_metadata(input: &mut impl Read) -> io::Result<(&'static Schema, Codec)> {
    let (mut schema, mut codec) = (None, Codec::Null);
    loop {
        let mut entries = read_long(input)?;
        if entries == 0 {
            break;
        }
        if entries < 0 {
            // A negative number is followed by the length in bytes, for whoever passes over it.
            entries = entries.saturating_neg();
            read_long(input)?;
        }
        for _ in 0..entries {
            let (key, value) = (read_text(input)?, read_text(input)?);
            match key.as_str() {
                "avro.schema" => schema = Some(interned(&value).map_err(io::Error::other)?),
                "avro.codec" => {
                    codec = Codec::from_str(&value).map_err(|_| {
                        io::Error::other(format!("blocks are compressed by `{value}`, which is not known"))
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok((schema.ok_or_else(|| io::Error::other("there is no schema"))?, codec))
}

/// The first byte of the first block whose marker begins at `start` or behind; the file's end if there is none.
fn find_block(input: &mut (impl Read + Seek), start: u64, marker: &[u8]) -> io::Result<u64> {
    input.seek(SeekFrom::Start(start))?;
    let finder = memmem::Finder::new(marker);
    let (mut window, mut window_start) = (Vec::new(), start);
    loop {
        let read = input.take(64 * 1024).read_to_end(&mut window)?;
        if let Some(at) = finder.find(&window) {
            return Ok(window_start + at as u64 + MARKER_BYTES);
        }
        if read == 0 {
            return Ok(window_start + window.len() as u64);
        }
        // A marker may go on in what is read next.
        let done = window.len().saturating_sub(marker.len() - 1);
        window.drain(..done);
        window_start += done as u64;
    }
}

/// A number in Avro's encoding: zigzag, seven bits a byte, the lowest first.
fn read_long(input: &mut impl Read) -> io::Result<i64> {
    let mut bits = 0u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        bits |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
        }
    }
    Err(io::Error::other("a number goes on beyond 64 bits"))
}

fn read_length(input: &mut impl Read) -> io::Result<u64> {
    let length = read_long(input)?;
    u64::try_from(length).map_err(|_| io::Error::other(format!("a length is {length}")))
}

fn read_text(input: &mut impl Read) -> io::Result<String> {
    let length = read_length(input)?;
    if length > MAX_METADATA_BYTES {
        return Err(io::Error::other(format!("a text of {length} bytes, more than {MAX_METADATA_BYTES}")));
    }
    // Values may be any bytes; those that count here are text.
    Ok(String::from_utf8_lossy(&read_bytes(input, length)?).into_owned())
}

/// So many bytes; what is allocated is bounded by what there is, whatever a damaged file says.
fn read_bytes(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if input.take(length).read_to_end(&mut bytes)? as u64 == length {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the file ends within {length} bytes")))
}

fn damaged(what: String) -> io::Error {
    io::Error::other(format!("the file is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (bytes, number) in [(vec![0], 0), (vec![1], -1), (vec![2], 1), (vec![0x80, 1], 64), (vec![0xff, 1], -128)] {
            assert_eq!(read_long(&mut bytes.as_slice()).unwrap(), number);
        }
        let longest = [vec![0xff; 9], vec![1]].concat();
        assert_eq!(read_long(&mut longest.as_slice()).unwrap(), i64::MIN);
        assert!(read_long(&mut [0xff; 11].as_slice()).is_err());
    }

    #[test]
    fn a_block_is_found_behind_the_next_marker_wherever_chunks_end() {
        let marker = *b"0123456789abcdef";
        for at in [0, 1, 64 * 1024 - 17, 64 * 1024 - 8, 64 * 1024, 64 * 1024 + 5, 128 * 1024 - 3] {
            let mut bytes = vec![b'x'; 200_000];
            bytes[at..at + 16].copy_from_slice(&marker);
            let mut input = Cursor::new(bytes);
            assert_eq!(find_block(&mut input, 0, &marker).unwrap(), at as u64 + 16);
            assert_eq!(find_block(&mut input, at as u64, &marker).unwrap(), at as u64 + 16);
            assert_eq!(find_block(&mut input, at as u64 + 1, &marker).unwrap(), 200_000);
        }
    }
}
