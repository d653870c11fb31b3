//! Futures of a job that runs on a test's thread.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::operator::beside::RunBeside;

/// Runs blocking jobs at once, and polls futures when it is told to, so that nothing depends on chance.
pub(crate) struct TestThread {
    tasks: Mutex<Vec<Arc<Task>>>,
    /// For futures that need tokio's; `None` if the test runs inside one.
    runtime: Option<Runtime>,
}

struct Task {
    /// `None` once it is done.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    woken: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TestThread {
    pub(crate) fn new() -> Self {
        let is_inside = Handle::try_current().is_ok();
        let runtime = (!is_inside).then(|| Builder::new_current_thread().enable_all().build());
        let runtime = runtime.transpose().unwrap_or_else(|error| panic!("no runtime for the test's futures: {error}"));
        Self { tasks: Mutex::default(), runtime }
    }

    /// Polls every future that has been woken once; answers whether there were any.
    pub(crate) fn poll_woken(&self) -> bool {
        let _entered = self.runtime.as_ref().map(|runtime| {
            // Has sockets and timers looked at.
            runtime.block_on(tokio::task::yield_now());
            runtime.enter()
        });
        let tasks = lock(&self.tasks).clone();
        let mut worked = false;
        for task in tasks.iter().filter(|task| task.woken.swap(false, Ordering::AcqRel)) {
            worked = true;
            let waker = Waker::from(Arc::clone(task));
            let mut future = lock(&task.future);
            let polled = future.as_mut().map(|future| Pin::new(future).poll(&mut Context::from_waker(&waker)));
            if polled != Some(Poll::Pending) {
                *future = None;
            }
        }
        lock(&self.tasks).retain(|task| lock(&task.future).is_some());
        worked
    }
}

impl Drop for TestThread {
    fn drop(&mut self) {
        // A future may hold what would wake it, and so itself.
        lock(&self.tasks).iter().for_each(|task| drop(lock(&task.future).take()));
    }
}

impl RunBeside for TestThread {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) -> Result<(), String> {
        let task = Task { future: Mutex::new(Some(future)), woken: AtomicBool::new(true) };
        lock(&self.tasks).push(Arc::new(task));
        Ok(())
    }
}
