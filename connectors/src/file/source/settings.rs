//! What a file source is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::format::Malformed;

/// What holds for all formats.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) paths: Vec<PathBuf>,
    pub(super) split_bytes: u64,
    /// How long a row may be.
    pub(super) max_line_bytes: usize,
    pub(super) on_malformed: Malformed,
    pub(super) watch: Option<Duration>,
}
