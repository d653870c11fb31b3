//! Finds the files that paths, directories and globs name.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use glob::MatchOptions;
use millstream::connector::SourceError;
use walkdir::WalkDir;

use crate::file::hidden::is_hidden;

/// As in a shell: `*` stays within a directory and does not match hidden names.
const GLOB: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A file to be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its length if it is a regular file; a pipe has none, and is read to its end.
    pub(super) len: Option<u64>,
}

/// The files that `path` stands for, sorted: itself, those in it and below, or those that it matches.
///
/// A path that exists is not taken for a glob. A glob that matches nothing is an error unless `may_be_absent`.
pub(super) fn list(path: &Path, may_be_absent: bool) -> Result<Vec<Found>, SourceError> {
    let mut found = Vec::new();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path, &mut found)?,
        Ok(_) => found.extend(file(path.to_owned())?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match glob_pattern(path) {
            Some(pattern) => expand(pattern, may_be_absent, &mut found)?,
            None => return Err(SourceError::Invalid(missing(path))),
        },
        Err(error) => return Err(unreadable(path, error)),
    }
    Ok(found)
}

fn missing(path: &Path) -> String {
    let place = match std::env::current_dir() {
        Ok(current) if path.is_relative() => format!(" (looked for in {})", current.display()),
        _ => String::new(),
    };
    format!("there is no file or directory `{}`{place}: check the path", path.display())
}

fn unreadable(path: &Path, error: io::Error) -> SourceError {
    SourceError::Io { what: format!("cannot read {}", path.display()), error }
}

/// The file, unless it has been removed meanwhile. Opened to see that it can be: it is now that somebody looks.
fn file(path: PathBuf) -> Result<Option<Found>, SourceError> {
    let len = match fs::metadata(&path) {
        // Opening a pipe would wait for its writer.
        Ok(metadata) if !metadata.is_file() => None,
        Ok(metadata) => match File::open(&path) {
            Ok(_) => Some(metadata.len()),
            Err(error) => return Err(unreadable(&path, error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, error)),
    };
    let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if path.to_str().is_none() {
        let what = format!("the name of `{}` is not UTF-8, so that it cannot be part of a snapshot", path.display());
        return Err(SourceError::Invalid(format!("{what}: rename it")));
    }
    Ok(Some(Found { path, len }))
}

fn walk(directory: &Path, found: &mut Vec<Found>) -> Result<(), SourceError> {
    let entries = WalkDir::new(directory).min_depth(1).follow_links(true).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name())) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(directory).to_owned();
            unreadable(&path, error.into())
        })?;
        if !entry.file_type().is_dir() {
            found.extend(file(entry.into_path())?);
        }
    }
    Ok(())
}

fn glob_pattern(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.contains(['*', '?', '[']))
}

fn expand(pattern: &str, may_be_absent: bool, found: &mut Vec<Found>) -> Result<(), SourceError> {
    let matches = glob::glob_with(pattern, GLOB)
        .map_err(|error| SourceError::Invalid(format!("`{pattern}` is not a glob: {error}")))?;
    let names_hidden = Path::new(pattern).file_name().is_some_and(is_hidden);
    let mut any = false;
    for path in matches {
        let path = path.map_err(|error| {
            let what = format!("cannot read {}", error.path().display());
            SourceError::Io { what, error: error.into() }
        })?;
        if !names_hidden && path.file_name().is_some_and(is_hidden) {
            continue;
        }
        any = true;
        if path.is_dir() { walk(&path, found)? } else { found.extend(file(path)?) }
    }
    if any || may_be_absent {
        return Ok(());
    }
    Err(SourceError::Invalid(format!("no file matches `{pattern}`: check the path, and quote the glob in a shell")))
}
