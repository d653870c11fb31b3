//! The frame around every object of a checkpoint store.
//!
//! ```text
//! magic (8) | format version u16 | kind u16 | payload length u64 | payload | XXH3-64 of all before (8)
//! ```
//!
//! Numbers are little-endian; payloads are MessagePack with named fields (or a file, as it is). Whatever is cut short,
//! altered or somebody else's is refused, and says so. A reader of version *n* reads all versions up to *n*.

use bytes::Bytes;
use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3Default;

/// Like PNG's: a byte that is not ASCII and both line ends, so that a transfer as text is noticed.
const MAGIC: [u8; 8] = *b"\x91MILL\r\n\x1a";
/// The version that is written.
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 20;
const TRAILER_BYTES: usize = 8;

/// What an object holds. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum ObjectKind {
    /// A snapshot's manifest, whose presence makes it complete.
    Manifest = 1,
    /// The state of one subtask.
    Part = 2,
    /// The claim of an epoch.
    Epoch = 3,
    /// A file of a database, shared by snapshots.
    File = 4,
    /// Something that is true once the object is there.
    Marker = 5,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Manifest => "the metadata of a snapshot",
            Self::Part => "a part of a snapshot",
            Self::Epoch => "the claim of an epoch",
            Self::File => "a file of a database",
            Self::Marker => "a marker",
        })
    }
}

impl ObjectKind {
    fn of_number(number: u16) -> Option<Self> {
        [Self::Manifest, Self::Part, Self::Epoch, Self::File, Self::Marker]
            .into_iter()
            .find(|kind| *kind as u16 == number)
    }
}

/// Why the bytes of an object are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Something else's file.
    #[error("not a file of a snapshot")]
    Foreign,
    /// Written by a later release.
    #[error("written in format version {found}, and this release reads versions up to {VERSION}: use a later release")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// One of our objects in the place of another.
    #[error("this is {found}, where {expected} should be")]
    Kind {
        /// What should be there.
        expected: String,
        /// What it is.
        found: String,
    },
    /// It ends early.
    #[error("cut short: {found} of {expected} bytes are there")]
    Truncated {
        /// How long it was.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// Something follows its end.
    #[error("{found} bytes long, and should have {expected}")]
    Overlong {
        /// How long it was.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// Its bytes have changed.
    #[error("damaged: the checksum is {found:016x}, and should be {expected:016x}")]
    Checksum {
        /// As written.
        expected: u64,
        /// As computed.
        found: u64,
    },
    /// Its bytes are those that were written, but cannot be understood.
    #[error("cannot be decoded: {reason}")]
    Payload {
        /// What the decoder says.
        reason: String,
    },
}

/// An object ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) chunks: [Bytes; 3],
    pub(crate) checksum: u64,
}

impl Frame {
    /// Frames bytes as they are.
    pub(crate) fn of_bytes(kind: ObjectKind, payload: Vec<u8>) -> Self {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&(kind as u16).to_le_bytes());
        header.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        let checksum = checksum([&header, &payload]);
        let trailer = Bytes::copy_from_slice(&checksum.to_le_bytes());
        Self { chunks: [header.into(), payload.into(), trailer], checksum }
    }

    /// Frames a value as MessagePack.
    pub(crate) fn of_value<T: Serialize>(kind: ObjectKind, value: &T) -> Result<Self, FormatError> {
        let mut payload = Vec::new();
        // Byte vectors as byte strings, not as arrays of numbers.
        let mut encoder =
            rmp_serde::Serializer::new(&mut payload).with_struct_map().with_bytes(BytesMode::ForceIterables);
        value.serialize(&mut encoder).map_err(|error| FormatError::Payload { reason: error.to_string() })?;
        Ok(Self::of_bytes(kind, payload))
    }

    /// The length of the whole object.
    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// The object in one piece.
    pub(crate) fn concat(&self) -> Vec<u8> {
        self.chunks.concat()
    }
}

/// An object that has been read and found undamaged.
#[derive(Debug)]
pub(crate) struct Unframed {
    pub(crate) payload: Bytes,
    pub(crate) checksum: u64,
}

impl Unframed {
    /// Checks everything but the payload's meaning.
    pub(crate) fn read(expected: ObjectKind, object: &Bytes) -> Result<Self, FormatError> {
        let found = object.len() as u64;
        if !object.starts_with(&MAGIC) {
            let is_beginning = MAGIC.starts_with(object);
            let expected = (HEADER_BYTES + TRAILER_BYTES) as u64;
            return Err(if is_beginning { FormatError::Truncated { expected, found } } else { FormatError::Foreign });
        }
        let Some((header, rest)) = object.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FormatError::Truncated { expected: (HEADER_BYTES + TRAILER_BYTES) as u64, found });
        };
        let [version, kind] = [8, 10].map(|at| u16::from_le_bytes([header[at], header[at + 1]]));
        match version {
            VERSION => {}
            0 => return Err(FormatError::Foreign),
            found => return Err(FormatError::Newer { found }),
        }
        let length = header[12..].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let whole = length.saturating_add((HEADER_BYTES + TRAILER_BYTES) as u64);
        if found < whole {
            return Err(FormatError::Truncated { expected: whole, found });
        }
        if found > whole {
            return Err(FormatError::Overlong { expected: whole, found });
        }
        let Some((payload, trailer)) = rest.split_last_chunk::<TRAILER_BYTES>() else {
            return Err(FormatError::Truncated { expected: whole, found });
        };
        let expected_checksum = u64::from_le_bytes(*trailer);
        let checksum = checksum([header, payload]);
        if checksum != expected_checksum {
            return Err(FormatError::Checksum { expected: expected_checksum, found: checksum });
        }
        match ObjectKind::of_number(kind) {
            Some(kind) if kind == expected => Ok(Self { payload: object.slice_ref(payload), checksum }),
            kind => Err(FormatError::Kind {
                expected: expected.to_string(),
                found: kind.map_or(format!("an object of unknown kind {kind:?}"), |kind| kind.to_string()),
            }),
        }
    }

    /// Checks that it is the very object that somebody refers to.
    pub(crate) fn expect_checksum(&self, expected: u64) -> Result<(), FormatError> {
        if self.checksum == expected { Ok(()) } else { Err(FormatError::Checksum { expected, found: self.checksum }) }
    }

    /// The payload's meaning.
    pub(crate) fn value<T: DeserializeOwned>(&self) -> Result<T, FormatError> {
        rmp_serde::from_slice(&self.payload).map_err(|error| FormatError::Payload { reason: error.to_string() })
    }
}

fn checksum(pieces: [&[u8]; 2]) -> u64 {
    let mut hasher = Xxh3Default::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(payload: &[u8]) -> Vec<u8> {
        Frame::of_bytes(ObjectKind::Part, payload.to_vec()).concat()
    }

    #[track_caller]
    fn refused(bytes: Vec<u8>) -> FormatError {
        Unframed::read(ObjectKind::Part, &bytes.into()).expect_err("it is not as it was written")
    }

    #[test]
    fn what_was_framed_is_read_back() {
        for payload in [&b""[..], b"x", &[7; 1000]] {
            let read = Unframed::read(ObjectKind::Part, &object(payload).into()).unwrap();
            assert_eq!(read.payload, payload);
        }
    }

    #[test]
    fn no_bit_can_flip_unnoticed() {
        let good = object(b"to be or not to be");
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            refused(bytes);
        }
    }

    #[test]
    fn every_missing_tail_is_noticed_as_such() {
        let good = object(b"to be or not to be");
        for length in 0..good.len() {
            assert!(matches!(refused(good[..length].to_vec()), FormatError::Truncated { .. }), "cut to {length}");
        }
    }

    #[test]
    fn what_follows_the_end_is_noticed() {
        let mut bytes = object(b"to be");
        bytes.push(0);
        assert_eq!(refused(bytes), FormatError::Overlong { expected: 33, found: 34 });
    }

    #[test]
    fn a_foreign_file_is_told_from_a_damaged_one() {
        assert_eq!(refused(b"id,name\n1,Ada\n".to_vec()), FormatError::Foreign);
    }

    #[test]
    fn a_newer_version_asks_for_a_later_release() {
        let mut bytes = object(b"to be");
        bytes[8] = 2;
        let message = refused(bytes).to_string();
        assert!(message.contains("format version 2") && message.contains("up to 1"), "{message}");
    }

    #[test]
    fn an_object_in_the_place_of_another_is_named() {
        let marker = Frame::of_bytes(ObjectKind::Marker, Vec::new()).concat();
        assert_eq!(refused(marker).to_string(), "this is a marker, where a part of a snapshot should be");
    }

    #[test]
    fn byte_vectors_are_byte_strings() {
        let frame = Frame::of_value(ObjectKind::Part, &vec![200_u8; 100]).unwrap();
        assert_eq!(frame.chunks[1].len(), 102);
        let read = Unframed::read(ObjectKind::Part, &frame.concat().into()).unwrap();
        assert_eq!(read.value::<Vec<u8>>().unwrap(), vec![200; 100]);
    }
}
