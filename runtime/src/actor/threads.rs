//! Threads beside the slots: readers, writers, enumerators, the job itself.

use std::thread::{Builder, JoinHandle};

/// Starts a named thread.
pub(crate) fn spawn<R: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> R + Send + 'static,
) -> std::io::Result<JoinHandle<R>> {
    Builder::new().name(format!("millstream-{name}")).spawn(run)
}
