//! Runs a [`KeyedOperator`] on one input or on two, which share its keys, rows and timers.

use std::sync::Arc;

use super::keyed_core::KeyedCore;
use super::{KeySelector, KeyedOperator};
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::operator::process::OnError;
use crate::operator::{Either, Operator, Output, Progress, TwoInputOperator};
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};
use crate::time::Timestamp;

/// Where a keyed operator's records come from, and how their keys are found. `T` is what the operator takes.
pub(crate) trait KeyedInputs<K, T>: 'static {
    /// The records of the first input.
    type First: Data;

    fn first(&self) -> &dyn KeySelector<Self::First, K>;

    /// Makes of a record of the first input what the operator takes.
    fn wrap_first(record: Self::First) -> T;
}

impl<K: 'static, T: Data> KeyedInputs<K, T> for Arc<dyn KeySelector<T, K>> {
    type First = T;

    fn first(&self) -> &dyn KeySelector<T, K> {
        &**self
    }

    #[inline]
    fn wrap_first(record: T) -> T {
        record
    }
}

/// How the keys of two inputs are found.
pub(crate) struct KeySelectors<K, L, R> {
    pub(crate) left: Arc<dyn KeySelector<L, K>>,
    pub(crate) right: Arc<dyn KeySelector<R, K>>,
}

impl<K, L, R> Clone for KeySelectors<K, L, R> {
    fn clone(&self) -> Self {
        Self { left: Arc::clone(&self.left), right: Arc::clone(&self.right) }
    }
}

impl<K: 'static, L: Data, R: Data> KeyedInputs<K, Either<L, R>> for KeySelectors<K, L, R> {
    type First = L;

    fn first(&self) -> &dyn KeySelector<L, K> {
        &*self.left
    }

    #[inline]
    fn wrap_first(record: L) -> Either<L, R> {
        Either::Left(record)
    }
}

/// A keyed operator and its inputs.
pub(crate) struct KeyedRunner<K: Key, P: KeyedOperator<K>, I> {
    inputs: I,
    core: KeyedCore<K, P>,
}

impl<K: Key, P: KeyedOperator<K>, I: KeyedInputs<K, P::In>> KeyedRunner<K, P, I> {
    pub(crate) fn new(operator: P, inputs: I, on_error: OnError<P::In>) -> Self {
        Self { inputs, core: KeyedCore::new(operator, on_error) }
    }

    /// The operator with its states, for what it does without a record of an input.
    pub(crate) fn core_mut(&mut self) -> &mut KeyedCore<K, P> {
        &mut self.core
    }
}

impl<K: Key, P: KeyedOperator<K>, I: KeyedInputs<K, P::In>> Operator for KeyedRunner<K, P, I> {
    type In = I::First;
    type Out = P::Out;

    fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.core.open(out)
    }

    fn process(&mut self, input: &mut Batch<I::First>, out: &mut Output<P::Out>) -> Progress {
        self.core.work(input, self.inputs.first(), I::wrap_first, out)
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<P::Out>) -> Progress {
        self.core.fire_event_timers(watermark, out)
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        self.core.fire_processing_timers(now, out)
    }

    fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.core.close(out)
    }

    fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.core.snapshot(out, to)
    }

    fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.core.restore(out, from)
    }
}

impl<K, L, R, P> TwoInputOperator for KeyedRunner<K, P, KeySelectors<K, L, R>>
where
    K: Key,
    L: Data,
    R: Data,
    P: KeyedOperator<K, In = Either<L, R>>,
{
    type Second = R;

    fn process_second(&mut self, input: &mut Batch<R>, out: &mut Output<P::Out>) -> Progress {
        self.core.work(input, &*self.inputs.right, Either::Right, out)
    }
}
