//! Compressed files, known by their extension.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`; several members in one file are read one after another.
    Gzip,
    /// `.zst`; several frames in one file are read one after another.
    Zstd,
}

impl Compression {
    /// What the file's extension says.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?;
        [Self::Gzip, Self::Zstd].into_iter().find(|one| extension.eq_ignore_ascii_case(&one.suffix()[1..]))
    }

    /// What names of such files end with.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Reads what is compressed in `file`.
    pub(super) fn reader(self, file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, file))),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
        })
    }
}

/// Compresses into a file, or not.
pub(super) enum Writer {
    /// As it is.
    Plain(File),
    /// With gzip.
    Gzip(flate2::write::GzEncoder<File>),
    /// With zstd.
    Zstd(zstd::stream::write::Encoder<'static, File>),
}

impl Writer {
    /// Writes to `file`.
    pub(super) fn new(file: File, compression: Option<Compression>) -> io::Result<Self> {
        Ok(match compression {
            None => Self::Plain(file),
            Some(Compression::Gzip) => Self::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            Some(Compression::Zstd) => {
                Self::Zstd(zstd::stream::write::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?)
            }
        })
    }

    /// Writes all of `bytes`.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    /// Ends the compressed stream and gives the file back.
    pub(super) fn finish(self) -> io::Result<File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_compression() {
        assert_eq!(Compression::of(Path::new("a/b.txt.gz")), Some(Compression::Gzip));
        assert_eq!(Compression::of(Path::new("b.ZST")), Some(Compression::Zstd));
        assert_eq!(Compression::of(Path::new("gz")), None);
        assert_eq!(Compression::of(Path::new("a.gz/b.txt")), None);
    }
}
