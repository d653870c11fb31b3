//! What tests of whole jobs share.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Runs a job that must end, well or badly. If it hangs, the test ends all the same.
pub(crate) fn within_a_minute<R>(run: impl FnOnce() -> R) -> R {
    let (ended, watch) = channel::<()>();
    let test = std::thread::current().name().unwrap_or("the test").to_owned();
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            // Not by `eprintln`, whose text would be lost with the process.
            let _ = writeln!(std::io::stderr(), "`{test}` hangs");
            std::process::abort();
        }
    });
    let result = run();
    drop(ended);
    let _ = watchdog.join();
    result
}
