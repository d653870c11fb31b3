//! Waiting for the futures of object stores.
//!
//! They run on one thread of their own, with its own tokio runtime, so that any thread may wait for them, also one that is
//! inside a runtime already.

use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Handle};

use crate::actor::threads;

/// Runs the futures of all stores of the process.
static RUNTIME: LazyLock<Result<Handle, String>> = LazyLock::new(|| start().map_err(|error| error.to_string()));

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().thread_name("millstream-store").enable_all().build()?;
    let handle = runtime.handle().clone();
    threads::spawn("store", move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Waits for a future, or says why it will never be done.
pub(super) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    let runtime = RUNTIME.as_ref().map_err(|error| format!("no thread for the store: {error}"))?;
    let (done, result) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = done.send(future.await);
    });
    result.recv().map_err(|_| "the store has panicked".to_owned())
}
