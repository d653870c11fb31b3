//! Actors: the only module that names actix or starts a thread.
//!
//! * A [`subtask`] is an actor on the thread of its slot. Its handlers only enqueue; the work is done in turns, one
//!   batch each, between which the other subtasks of the slot have theirs.
//! * The [`job_master`] starts the subtasks, hears of their ends, commits the output, and cancels on failure.
//! * An [`enumerator`] has a thread of its own, since looking for splits may wait.
//! * [`futures`] of users run on threads that belong to the whole process.

mod enumerator;
mod futures;
mod job_master;
mod slot;
mod subtask;
pub(crate) mod threads;

pub(crate) use job_master::{Command, Control, Controller, JobEnd, JobRun, run};
