//! Faults on demand: what may go wrong in the life of a job, and when it is to.
//!
//! The engine asks at few places, each once per barrier, part, commit or start and never per record. Without faults
//! to inject, asking is looking at an `Option`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// A place in the life of a job where something may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultPoint {
    /// A record has come to a [`Faults::tap`].
    Record,
    /// A subtask has sent a barrier on, and not yet captured its state.
    Barrier,
    /// A subtask has captured its state, and not yet told so.
    Captured,
    /// A subtask's part of a snapshot is about to be encoded and stored.
    StorePart,
    /// A subtask's part is stored, and nobody knows yet.
    PartStored,
    /// All parts are stored and all output is prepared; the pointer is about to be written.
    WritePointer,
    /// The pointer is written, and nobody knows yet.
    PointerWritten,
    /// The snapshot is complete; a sink is about to commit its output. Others may have.
    Commit,
    /// A sink has committed, and nobody knows yet. Others may still have to.
    SinkCommitted,
    /// A sink is about to commit what the restored snapshot describes.
    Recover,
    /// A subtask is made, with its state taken back, and has processed nothing yet.
    Restore,
}

impl FaultPoint {
    /// Every point.
    pub const ALL: [Self; 11] = [
        Self::Record,
        Self::Barrier,
        Self::Captured,
        Self::StorePart,
        Self::PartStored,
        Self::WritePointer,
        Self::PointerWritten,
        Self::Commit,
        Self::SinkCommitted,
        Self::Recover,
        Self::Restore,
    ];
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What is being done there fails with an error. A [`Faults::tap`] can only panic.
    Fail,
    /// The code there panics.
    Panic,
    /// The process dies: the job is abandoned as it is. Nothing more is stored, committed or removed.
    Die,
    /// What is being done there does not come to an end until [`Faults::release`] is called, and goes on then; or until the
    /// process dies.
    Hang,
}

/// What is to go wrong in a job, and when. Clones share one plan, and the counts of what has happened.
///
/// The counts go on over restarts, and over the runs that it is injected into: each fault strikes once.
///
/// ```
/// use millstream::prelude::*;
/// use millstream::testing::{Fault, FaultPoint, Faults};
///
/// let faults = Faults::new().at(FaultPoint::Record, 2, Fault::Fail);
/// let env = Environment::new("fails");
/// env.inject(&faults);
/// env.from_collection([1, 2, 3]).map(faults.tap()).collect();
/// let error = env.execute().unwrap_err().to_string();
/// assert!(error.contains("injected fault: Record, number 2"), "{error}");
/// assert_eq!(faults.struck(), 1);
/// ```
#[derive(Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    plan: Mutex<Plan>,
    /// What hangs is told of its release, and of a process's death, by this; it goes with the plan.
    changed: Condvar,
    /// The run that it was last injected into.
    process: Mutex<Arc<Process>>,
}

#[derive(Debug, Default)]
struct Plan {
    pending: BTreeMap<(FaultPoint, u64), Fault>,
    /// How often each point has been passed.
    passed: BTreeMap<FaultPoint, u64>,
    struck: usize,
    /// How often what hangs has been released.
    releases: u64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&*lock(&self.inner.plan)).finish()
    }
}

impl Faults {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also: `fault` when the job passes `point` for the `nth` time, counted from 1 over all subtasks and restarts.
    #[must_use]
    pub fn at(self, point: FaultPoint, nth: u64, fault: Fault) -> Self {
        lock(&self.inner.plan).pending.insert((point, nth), fault);
        self
    }

    /// A function for `map` that hands records on as they are, and strikes at [`FaultPoint::Record`].
    pub fn tap<T>(&self) -> impl FnMut(T) -> T + Clone + Send + Sync + 'static + use<T> {
        let faults = self.clone();
        move |record| {
            let process = Arc::clone(&lock(&faults.inner.process));
            if let Err(fault) = faults.strike(FaultPoint::Record, &process) {
                panic!("{fault}");
            }
            record
        }
    }

    /// Has the process die now, see [`Fault::Die`].
    pub fn kill(&self) {
        let process = Arc::clone(&lock(&self.inner.process));
        self.end(&process);
    }

    /// Lets everything that hangs go on, see [`Fault::Hang`].
    pub fn release(&self) {
        lock(&self.inner.plan).releases += 1;
        self.inner.changed.notify_all();
    }

    fn end(&self, process: &Process) {
        // Whoever is about to wait has the lock.
        let _plan = lock(&self.inner.plan);
        process.kill();
        self.inner.changed.notify_all();
    }

    /// How many faults have struck.
    pub fn struck(&self) -> usize {
        lock(&self.inner.plan).struck
    }

    /// Begins the life of another process.
    pub(crate) fn inject(&self) -> Injection {
        let process = Arc::<Process>::default();
        *lock(&self.inner.process) = Arc::clone(&process);
        Injection(Some((self.clone(), process)))
    }

    fn strike(&self, point: FaultPoint, process: &Process) -> Result<(), InjectedFault> {
        if process.is_dead() {
            return Err(InjectedFault::Dead);
        }
        let mut plan = lock(&self.inner.plan);
        let passed = plan.passed.entry(point).or_default();
        *passed += 1;
        let nth = *passed;
        let Some(fault) = plan.pending.remove(&(point, nth)) else { return Ok(()) };
        plan.struck += 1;
        let injected = InjectedFault::At { point, nth };
        if fault == Fault::Hang {
            let before = plan.releases;
            let hangs = |plan: &mut Plan| plan.releases == before && !process.is_dead();
            let waited = self.inner.changed.wait_while(plan, hangs);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            return if process.is_dead() { Err(InjectedFault::Dead) } else { Ok(()) };
        }
        drop(plan);
        match fault {
            Fault::Panic => panic!("{injected}"),
            Fault::Die => self.end(process),
            Fault::Fail | Fault::Hang => {}
        }
        Err(injected)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the process that a job pretends to be has died.
#[derive(Debug, Default)]
struct Process {
    dead: watch::Sender<bool>,
}

impl Process {
    fn kill(&self) {
        self.dead.send_replace(true);
    }

    fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }
}

/// Something that was told to go wrong.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum InjectedFault {
    #[error("injected fault: {point:?}, number {nth}")]
    At { point: FaultPoint, nth: u64 },
    #[error("injected fault: the process is dead")]
    Dead,
}

/// The faults of one job, if there are to be any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Injection(Option<(Faults, Arc<Process>)>);

impl Injection {
    /// The job passes a point where something may go wrong.
    pub(crate) fn strike(&self, point: FaultPoint) -> Result<(), InjectedFault> {
        match &self.0 {
            None => Ok(()),
            Some((faults, process)) => faults.strike(point, process),
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.as_ref().is_some_and(|(_, process)| process.is_dead())
    }

    /// Waits until the process dies.
    pub(crate) async fn died(&self) {
        let Some((_, process)) = &self.0 else { return std::future::pending().await };
        // The sender is held here, so waiting cannot fail.
        let _ = process.dead.subscribe().wait_for(|dead| *dead).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_once_however_often_the_job_is_run() {
        let faults = Faults::new().at(FaultPoint::Barrier, 2, Fault::Fail);
        let passes = |injection: &Injection| (0..2).map(|_| injection.strike(FaultPoint::Barrier).is_ok()).collect();
        let runs: Vec<Vec<bool>> = (0..2).map(|_| passes(&faults.inject())).collect();
        assert_eq!(runs, [[true, false], [true, true]]);
    }

    #[test]
    fn in_a_dead_process_everything_fails_and_the_next_one_lives() {
        let faults = Faults::new();
        let first = faults.inject();
        faults.kill();
        let second = faults.inject();
        assert!(first.is_dead() && first.strike(FaultPoint::Commit).is_err());
        assert!(!second.is_dead() && second.strike(FaultPoint::Commit).is_ok());
    }
}
