//! One subtask without its actor: a chain, what waits for it, and the rule of what to do next.
//!
//! [`Task::step`] does one thing (a batch, a signal, a read) and returns, so that whoever drives it decides when the
//! next thing happens: an actor in its turn, a test by hand. A task never waits and never runs on.

#[cfg(test)]
mod aligned_sources_tests;
mod build;
mod capture;
mod check;
mod commit;
mod enumerate;
mod feed;
mod inputs;
mod sink;
mod source;
mod step;
mod wire;

pub(crate) use build::{TaskBlueprint, build};
pub(crate) use capture::Captured;
pub(crate) use check::misfits;
pub(crate) use commit::{AnyCommitter, Committables, CommitterFactory, committer_factory};
pub(crate) use enumerate::{Answer, AnyEnumerator, EnumeratorFactory, enumerator_factory};
pub(crate) use sink::{AnyCommittables, SinkStage};
pub(crate) use source::{REJECTED, SPLIT_READERS, SPLITS, SourceDriver, SourceStep, SourceTask};
pub(crate) use step::{Step, Task};
pub(crate) use wire::{Attempt, wire};
