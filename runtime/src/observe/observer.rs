//! The thread that looks at a running job: copies its metrics, draws its progress.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::metrics::JobMetrics;
use super::progress::Progress;
use super::reporter::Reporter;
use crate::actor::threads;
use crate::checkpoint::CheckpointHistory;
use crate::graph::Plan;
use crate::time::Clock;

/// How often metrics are copied.
const COPY_INTERVAL: Duration = Duration::from_secs(1);
/// How often the progress line is drawn meanwhile.
const DRAWS_PER_COPY: u32 = 10;

/// What an observer looks at.
pub(crate) struct Observed {
    pub(crate) plan: Arc<Plan>,
    pub(crate) registry: Arc<JobMetrics>,
    pub(crate) history: Arc<CheckpointHistory>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether to show a progress line.
    pub(crate) progress: bool,
}

/// Looks at a job until it is dropped, and a last time then, so that the metrics of an ended job are complete.
pub(crate) struct Observer {
    /// Its end ends the thread.
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Starts the thread.
    pub(crate) fn start(observed: Observed) -> std::io::Result<Self> {
        let (ended, end) = mpsc::channel();
        let thread = threads::spawn("observer", move || observe(&observed, &end))?;
        Ok(Self { ended: Some(ended), thread: Some(thread) })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.ended = None;
        if let Some(thread) = self.thread.take() {
            // A recorder of the user's that panics must not fail a job that has done its work.
            let _ = thread.join();
        }
    }
}

fn observe(observed: &Observed, end: &Receiver<()>) {
    let Observed { plan, registry, history, clock, progress } = observed;
    let mut reporter = Reporter::new(Arc::clone(plan), Arc::clone(registry), Arc::clone(history));
    let mut line = progress.then(|| Progress::show(&plan.graph.settings.job, clock.monotonic()));
    let ticks_per_copy = if *progress { DRAWS_PER_COPY } else { 1 };
    let mut tick = 0;
    while end.recv_timeout(COPY_INTERVAL / ticks_per_copy) == Err(RecvTimeoutError::Timeout) {
        if let Some(line) = &mut line {
            line.draw(plan, registry, clock.monotonic());
        }
        tick = (tick + 1) % ticks_per_copy;
        if tick == 0 {
            reporter.copy(clock.monotonic());
        }
    }
    reporter.copy(clock.monotonic());
}
