//! Finds files, cuts them into splits and hands these out.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Assignment, Enumerator, ReaderContext, SourceError};
use serde::{Deserialize, Serialize};

use super::split::{Counted, FileSplit};
use super::{Settings, listing};
use crate::file::Compression;

/// Hands out the splits of files, in the order of their paths.
pub struct FileEnumerator {
    settings: Arc<Settings>,
    /// Whether files may be cut.
    splittable: bool,
    counted: Counted,
    state: FileEnumeratorState,
}

/// What a [`FileEnumerator`] remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FileEnumeratorState {
    /// Whether a source that looks only once has looked.
    discovered: bool,
    /// The files found so far, each of which is read once; only of a source that goes on looking.
    seen: BTreeSet<PathBuf>,
    /// What has not been handed out.
    pending: VecDeque<FileSplit>,
}

impl FileEnumerator {
    pub(super) fn new(
        settings: Arc<Settings>,
        splittable: bool,
        counted: Counted,
        restored: Option<FileEnumeratorState>,
    ) -> Self {
        Self { settings, splittable, counted, state: restored.unwrap_or_default() }
    }

    fn cut(&self, found: &listing::Found) -> Vec<FileSplit> {
        let splits = match found.len {
            Some(len) if self.splittable && Compression::of(&found.path).is_none() => {
                FileSplit::cut(&found.path, len, self.settings.split_bytes)
            }
            _ => vec![FileSplit::new(&found.path, 0, None)],
        };
        splits.into_iter().map(|split| split.counting(self.counted)).collect()
    }
}

impl Enumerator for FileEnumerator {
    type Split = FileSplit;
    type State = FileEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        let watching = self.settings.watch.is_some();
        if self.state.discovered && !watching {
            return Ok(());
        }
        for path in &self.settings.paths {
            for found in listing::list(path, watching)? {
                if self.state.seen.insert(found.path.clone()) {
                    let splits = self.cut(&found);
                    self.state.pending.extend(splits);
                }
            }
        }
        if !watching {
            self.state.seen.clear();
        }
        self.state.discovered = true;
        tracing::debug!(splits = self.state.pending.len(), "looked for files");
        Ok(())
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.settings.watch
    }

    fn next(&mut self, _reader: &ReaderContext) -> Assignment<FileSplit> {
        match self.state.pending.pop_front() {
            Some(split) => Assignment::Splits(vec![split]),
            None if self.settings.watch.is_some() => Assignment::Later,
            None => Assignment::End,
        }
    }

    fn give_back(&mut self, splits: Vec<FileSplit>) {
        for split in splits.into_iter().rev() {
            self.state.pending.push_front(split);
        }
    }

    fn snapshot(&self) -> FileEnumeratorState {
        self.state.clone()
    }
}
