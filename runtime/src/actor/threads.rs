//! Threads beside the slots: readers, writers, enumerators, the job itself.

use std::thread::{Builder, JoinHandle};

/// Starts a named thread.
pub(crate) fn spawn<R: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> R + Send + 'static,
) -> std::io::Result<JoinHandle<R>> {
    Builder::new().name(format!("millstream-{name}")).spawn(run)
}

/// By how much threads step back that have [`give_way`], of at most 19: enough for the slots to keep their processors, and
/// little enough to get on beside slots that are never idle.
#[cfg(target_os = "linux")]
const STEP_BACK: i32 = 10;

/// Has this thread step back behind others that want its processor. A slot that loses its processor to the encoding of a
/// snapshot stands still for milliseconds.
pub(crate) fn give_way() {
    // Any thread may step back; where it cannot, it only is in the way.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(STEP_BACK);
}
