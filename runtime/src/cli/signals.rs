//! What the operating system tells a running job.
//!
//! SIGTERM and SIGINT stop it: with a savepoint if it has a place for checkpoints. A second one ends the process at
//! once. SIGUSR1 asks for a savepoint while the job goes on.

use tokio::signal::unix::{SignalKind, signal};

use crate::actor::threads;
use crate::stream::JobHandle;

/// Listens until the process ends.
pub(crate) fn listen(handle: JobHandle) -> std::io::Result<()> {
    threads::spawn("signals", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        match runtime {
            Ok(runtime) => {
                if let Err(error) = runtime.block_on(serve(handle)) {
                    tracing::warn!("signals are not listened to: {error}");
                }
            }
            Err(error) => tracing::warn!("signals are not listened to: {error}"),
        }
    })?;
    Ok(())
}

async fn serve(handle: JobHandle) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut user = signal(SignalKind::user_defined1())?;
    let mut stopping = false;
    loop {
        let number = tokio::select! {
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = user.recv() => {
                handle.request_savepoint(|result| match result {
                    Ok(path) => eprintln!("savepoint: {path}"),
                    Err(reason) => eprintln!("no savepoint: {reason}"),
                });
                continue;
            }
        };
        if std::mem::replace(&mut stopping, true) {
            eprintln!("stopped at once: what was not committed is lost, or in the last checkpoint");
            std::process::exit(128 + number);
        }
        eprintln!("stopping; once more to stop at once");
        handle.request_stop();
    }
}
