//! Standard error, shared by logs and the progress line.
//!
//! While a progress line is shown, whatever else is written takes the line away first and has it drawn again after.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// The line that is being shown.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Has writers make way for this line, or for none.
pub(crate) fn set_line(line: Option<ProgressBar>) {
    *LINE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// Writes to the terminal with the progress line out of the way.
pub(crate) fn beside_line<R>(write: impl FnOnce() -> R) -> R {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Standard error beside the progress line. Each call writes something whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        beside_line(|| io::stderr().lock().write(text))
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        beside_line(|| io::stderr().lock().write_all(text))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
