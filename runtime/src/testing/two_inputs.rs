//! The harness for what is built on two streams.

use super::harness::{Events, Harness, HarnessSnapshot};
use crate::data::Data;
use crate::state::StateBackend;
use crate::stream::Stream;
use crate::time::Timestamp;

/// A [`Harness`] with two inputs, each with a watermark of its own.
///
/// ```
/// use millstream::prelude::*;
/// use millstream::testing::TwoInputHarness;
///
/// let job = |left: Stream<u64>, right: Stream<char>| left.connect(right).map(|n| n.to_string(), String::from);
/// let mut harness = TwoInputHarness::new(job);
/// harness.push_left(1);
/// harness.push_right('b');
/// let mut output = harness.output();
/// output.sort();
/// assert_eq!(output, ["1", "b"]);
/// ```
pub struct TwoInputHarness<L, R, U> {
    /// Its input is the left one.
    harness: Harness<L, U>,
    right: Events<R>,
}

impl<L: Data, R: Data, U: Data> TwoInputHarness<L, R, U> {
    /// A harness with one subtask per operator.
    pub fn new(job: impl FnOnce(Stream<L>, Stream<R>) -> Stream<U>) -> Self {
        Self::with_parallelism(job, 1)
    }

    /// A harness with so many subtasks per operator.
    pub fn with_parallelism(job: impl FnOnce(Stream<L>, Stream<R>) -> Stream<U>, parallelism: usize) -> Self {
        let right = Events::default();
        Self { harness: Harness::with_parallelism(joined(job, &right), parallelism), right }
    }

    /// A harness that goes on from a snapshot, which may have been taken at another parallelism.
    ///
    /// # Panics
    ///
    /// If the snapshot does not fit the job.
    pub fn restored(
        job: impl FnOnce(Stream<L>, Stream<R>) -> Stream<U>,
        parallelism: usize,
        snapshot: &HarnessSnapshot,
    ) -> Self {
        let right = Events::default();
        Self { harness: Harness::restored(joined(job, &right), parallelism, snapshot), right }
    }

    /// A harness that keeps its state in a backend, as [`Harness::with_backend`].
    ///
    /// # Panics
    ///
    /// If this binary does not have the backend, or the snapshot does not fit the job.
    pub fn with_backend(
        job: impl FnOnce(Stream<L>, Stream<R>) -> Stream<U>,
        parallelism: usize,
        snapshot: Option<&HarnessSnapshot>,
        backend: &StateBackend,
    ) -> Self {
        let right = Events::default();
        Self { harness: Harness::with_backend(joined(job, &right), parallelism, snapshot, backend), right }
    }

    /// Has the subtasks take turns in another order.
    pub fn seed(&mut self, seed: u64) {
        self.harness.seed(seed);
    }

    /// Pushes a record without an event time into the left input.
    pub fn push_left(&mut self, value: L) {
        self.harness.push(value);
    }

    /// Pushes a record into the left input.
    pub fn push_left_at(&mut self, value: L, time: Timestamp) {
        self.harness.push_at(value, time);
    }

    /// Pushes a record without an event time into the right input.
    pub fn push_right(&mut self, value: R) {
        self.push_right_at(value, Timestamp::MIN);
    }

    /// Pushes a record into the right input.
    pub fn push_right_at(&mut self, value: R, time: Timestamp) {
        self.right.push_at(value, time);
    }

    /// Moves event time on in the left input.
    pub fn watermark_left(&mut self, watermark: Timestamp) {
        self.harness.watermark(watermark);
    }

    /// Moves event time on in the right input.
    pub fn watermark_right(&mut self, watermark: Timestamp) {
        self.right.watermark(watermark);
    }

    /// Moves event time on in both inputs.
    pub fn watermark(&mut self, watermark: Timestamp) {
        self.watermark_left(watermark);
        self.watermark_right(watermark);
    }

    /// Has nothing wait for the left input's event time, as [`Harness::idle`].
    pub fn idle_left(&mut self) {
        self.harness.idle();
    }

    /// Has nothing wait for the right input's event time, as [`Harness::idle`].
    pub fn idle_right(&mut self) {
        self.right.idle();
    }

    /// Moves processing time on, as [`Harness::advance_processing_time`].
    pub fn advance_processing_time(&mut self, now: Timestamp) {
        self.harness.advance_processing_time(now);
    }

    /// Ends both inputs: event time goes to its end, and operators emit what they have left.
    pub fn end(&mut self) {
        self.right.end();
        self.harness.end();
    }

    /// Takes out the results so far.
    pub fn output(&mut self) -> Vec<U> {
        self.harness.output()
    }

    /// Takes out the results so far with their event times; [`Timestamp::MIN`] for none.
    pub fn timed_output(&mut self) -> Vec<(U, Timestamp)> {
        self.harness.timed_output()
    }

    /// Processes everything pushed so far, then writes all state down, as for a checkpoint.
    ///
    /// # Panics
    ///
    /// If state cannot be written.
    pub fn snapshot(&mut self) -> HarnessSnapshot {
        self.harness.snapshot()
    }

    /// Processes everything pushed so far, so that what is pushed next comes later.
    ///
    /// # Panics
    ///
    /// With the subtask's error if one fails.
    pub fn settle(&mut self) {
        self.harness.settle();
    }
}

/// The job as one of the left stream alone.
fn joined<L: Data, R: Data, U: Data>(
    job: impl FnOnce(Stream<L>, Stream<R>) -> Stream<U>,
    right: &Events<R>,
) -> impl FnOnce(Stream<L>) -> Stream<U> {
    move |left| {
        let right = right.stream(&left.graph);
        job(left, right)
    }
}
