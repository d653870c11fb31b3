//! The threads that users' futures run on.
//!
//! One tokio runtime for the whole process, started when it is first needed, whether or not the process has others.

use std::sync::LazyLock;
use std::thread::available_parallelism;

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};

/// Futures mostly wait, so a few threads serve many.
const MAX_THREADS: usize = 4;

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(|| start().map_err(|error| error.to_string()));

fn start() -> std::io::Result<Runtime> {
    let threads = available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    Builder::new_multi_thread().worker_threads(threads).thread_name("millstream-async").enable_all().build()
}

/// Polls a future until it is done, or says why nobody can.
pub(super) fn spawn(future: BoxFuture<'static, ()>) -> Result<(), String> {
    let runtime = RUNTIME.as_ref().map_err(|error| format!("no threads for asynchronous operators: {error}"))?;
    drop(runtime.spawn(future));
    Ok(())
}
