//! Work on records beside the subtask's thread: bounded in flight, and handed on in their places among the signals.
//!
//! * A record in flight is in the snapshot, and is worked on again after a restore, before anything else.
//! * Signals keep their places: a watermark is handed on once everything before it has been. So results that may overtake
//!   each other do so between two signals only.
//! * A barrier does not wait for what is in flight.
//!
//! [`Pending`] knows what may be handed on, [`BesideStage`] does it, and [`Calls`] says how a record is worked on: by a
//! thread that may wait (`blocking`), or by a future (`async_io`).

mod answers;
mod pending;
mod stage;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub(crate) use answers::Answers;

pub(crate) use pending::{Order, Pending, Ready, Record};
pub(crate) use stage::BesideStage;

use super::TaskContext;
use super::stage::Progress;
use crate::data::Data;
use crate::error::{Site, TaskError};
use crate::observe::OperatorMetrics;
use crate::time::Timestamp;

/// What became of a record: its results, or why there are none.
pub(crate) type Outcome<U> = Result<Vec<(U, Timestamp)>, Box<TaskError>>;

/// Runs what may wait, beside the thread of the slot.
pub(crate) trait RunBeside: Send + Sync {
    /// Runs a job that may block its thread.
    fn run(&self, job: Box<dyn FnOnce() + Send>);
    /// Polls a future until it is done, or says why nobody can.
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Result<(), String>;
}

/// Runs jobs at once on the thread that asks, which waits. For tests.
pub(crate) struct RunHere;

impl RunBeside for RunHere {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(future);
        Ok(())
    }
}

/// The operator that records are worked on for.
pub(crate) struct Around<A> {
    pub(crate) task: Rc<TaskContext>,
    pub(crate) metrics: Arc<OperatorMetrics>,
    /// Where calls leave their answers.
    pub(crate) answers: Arc<Answers<A>>,
    /// Event time has reached this instant here.
    pub(crate) watermark: Timestamp,
}

/// How records are worked on beside the subtask's thread.
pub(crate) trait Calls: 'static {
    type In: Data;
    type Out: Data;
    /// What a call leaves when it has ended.
    type Answer: Send + 'static;
    /// What is known of a record that is being worked on.
    type Call;

    /// Called until it has ended well, before anything else.
    fn open(&mut self, _around: &Around<Self::Answer>) -> Progress {
        Ok(())
    }

    /// Has a record worked on. Its answer will come under its number.
    fn begin(&mut self, number: u64, value: &Self::In, site: &Site, around: &Around<Self::Answer>) -> Self::Call;

    /// An answer has come. Gives the outcome, unless there will be another answer.
    fn answered(
        &mut self,
        number: u64,
        record: &mut Record<Self::In, Self::Call>,
        answer: Self::Answer,
        around: &Around<Self::Answer>,
    ) -> Option<Outcome<Self::Out>>;

    /// The number of a record whose time has come by `now`, each once.
    fn next_due(&mut self, _around: &Around<Self::Answer>) -> Option<u64> {
        None
    }

    /// The time of a record has come. Gives the outcome, unless there will be an answer.
    fn due(
        &mut self,
        _number: u64,
        _record: &mut Record<Self::In, Self::Call>,
        _around: &Around<Self::Answer>,
    ) -> Option<Outcome<Self::Out>> {
        None
    }

    /// When the time of the next record comes; `MAX` for never.
    fn deadline(&self) -> Timestamp {
        Timestamp::MAX
    }

    /// Called until it has ended well, after everything has been handed on.
    fn close(&mut self, _around: &Around<Self::Answer>) -> Progress {
        Ok(())
    }
}
