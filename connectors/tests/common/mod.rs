//! Reads sources and writes sinks by hand, in one thread.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod http;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream::channel::Batch;
use millstream::connector::{
    Assignment, Committer, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Sink, SinkContext, SinkWriter, Source,
    SourceError,
};
use millstream::time::{ManualClock, Timestamp};

/// What a source gave.
pub(crate) struct Outcome<T> {
    pub(crate) values: Vec<T>,
    pub(crate) skipped: u64,
    pub(crate) rejected: Vec<(String, String)>,
}

/// Reads a source with one reader until there is nothing more.
pub(crate) fn read<S: Source>(source: &S) -> Result<Outcome<S::Out>, SourceError> {
    let mut enumerator = source.enumerator(None)?;
    enumerator.discover()?;
    drain(source, &mut enumerator)
}

/// Reads what the enumerator has to hand out.
pub(crate) fn drain<S: Source>(source: &S, enumerator: &mut S::Enumerator) -> Result<Outcome<S::Out>, SourceError> {
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    let mut reader = source.reader(ctx.clone())?;
    let mut outcome = Outcome { values: Vec::new(), skipped: 0, rejected: Vec::new() };
    while let Assignment::Splits(splits) = enumerator.next(&ctx) {
        splits.into_iter().try_for_each(|split| reader.add(split))?;
        loop {
            let mut out = ReadBuffer::default();
            let read = reader.read(&mut out)?;
            outcome.values.extend_from_slice(out.values());
            outcome.skipped += out.skipped();
            outcome.rejected.extend_from_slice(out.rejected());
            if read == Read::NoSplits {
                break;
            }
        }
    }
    Ok(outcome)
}

pub(crate) fn values<S: Source>(source: &S) -> Vec<S::Out> {
    read(source).unwrap_or_else(|error| panic!("{error}")).values
}

#[track_caller]
pub(crate) fn error<S: Source>(source: &S) -> String {
    match read(source) {
        Ok(outcome) => panic!("no error, but {} records", outcome.values.len()),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    path.to_owned()
}

/// Two members in one file.
pub(crate) fn write_gz(path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
    let (first, second) = content.split_at(content.len() / 3);
    let bytes = [first, second].map(|part| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    });
    write(path, bytes.concat())
}

/// Two frames in one file.
pub(crate) fn write_zst(path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
    let (first, second) = content.split_at(content.len() / 3);
    write(path, [first, second].map(|part| zstd::encode_all(part, 1).unwrap()).concat())
}

/// The place of the only writer of a new job.
pub(crate) fn place() -> SinkContext {
    SinkContext::new(0, 1, Arc::new(ManualClock::default()))
}

/// The only writer of a new job.
pub(crate) fn writer<S: Sink>(sink: &S) -> S::Writer {
    sink.writer(place()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn put<W: SinkWriter>(writer: &mut W, records: impl IntoIterator<Item = (W::In, Timestamp)>) {
    let mut batch = Batch::new();
    records.into_iter().for_each(|(value, time)| batch.push_at(value, time));
    writer.write(&mut batch.consume()).unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn commit<S: Sink>(sink: &S, mut writer: S::Writer) {
    let prepared = writer.prepare_commit().unwrap_or_else(|error| panic!("{error}"));
    sink.committer().and_then(|mut committer| committer.commit(prepared)).unwrap_or_else(|error| panic!("{error}"));
}

/// All files below a directory, as paths relative to it, sorted.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(directory).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(directory).unwrap().display().to_string()).collect()
}

/// The files that are visible.
pub(crate) fn visible(directory: &Path) -> Vec<String> {
    let is_visible = |path: &String| !path.split('/').any(|name| name.starts_with(['.', '_']));
    files(directory).into_iter().filter(is_visible).collect()
}
