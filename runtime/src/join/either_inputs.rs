//! An operator over records of either side, as one with an input for each side.

use std::borrow::Cow;
use std::sync::Arc;

use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::operator::keyed::{KeySelector, KeySelectors};
use crate::operator::{Either, Operator, Output, Progress, TwoInputOperator};
use crate::state::{KeyIndex, OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::time::Timestamp;

/// Finds the key of a record of either side.
pub(crate) struct EitherSelector<K, L, R>(KeySelectors<K, L, R>);

impl<K, L, R> EitherSelector<K, L, R> {
    pub(crate) fn shared(selectors: KeySelectors<K, L, R>) -> Arc<Self> {
        Arc::new(Self(selectors))
    }
}

impl<K: Key, L: Data, R: Data> KeySelector<Either<L, R>, K> for EitherSelector<K, L, R> {
    fn hash(&self, batch: &mut Batch<Either<L, R>>) {
        batch.assign_hashes(|values, hashes| {
            hashes.clear();
            hashes.extend(values.iter().map(|value| crate::channel::hash::stable_hash(&*self.key(value))));
        });
    }

    fn resolve(&self, batch: &Batch<Either<L, R>>, keys: &mut KeyIndex<K>, rows: &mut Vec<RowId>) {
        keys.find_or_insert_all(batch.hashes(), batch.values(), |value| self.key(value), rows);
    }

    fn key<'a>(&self, value: &'a Either<L, R>) -> Cow<'a, K> {
        match value {
            Either::Left(left) => self.0.left.key(left),
            Either::Right(right) => self.0.right.key(right),
        }
    }
}

/// Wraps the records of both inputs for an operator that takes either.
///
/// What the operator has left in its batch when it stops goes back into the argument, unwrapped: so between calls nothing
/// is held here.
pub(crate) struct EitherInputs<O, L, R> {
    operator: O,
    wrapped: Batch<Either<L, R>>,
}

impl<O, L, R> EitherInputs<O, L, R> {
    pub(crate) fn new(operator: O) -> Self {
        Self { operator, wrapped: Batch::new() }
    }
}

impl<O, L, R> EitherInputs<O, L, R>
where
    L: Data,
    R: Data,
    O: Operator<In = Either<L, R>>,
{
    fn work<T>(
        &mut self,
        input: &mut Batch<T>,
        wrap: fn(T) -> Either<L, R>,
        unwrap: fn(Either<L, R>) -> Option<T>,
        out: &mut Output<O::Out>,
    ) -> Progress {
        input.map_into(&mut self.wrapped, wrap);
        let progress = self.operator.process(&mut self.wrapped, out);
        if progress.is_err() {
            self.wrapped.map_into(input, |value| unwrap(value).expect("invariant: a batch is of one side"));
        }
        progress
    }
}

impl<O, L, R> Operator for EitherInputs<O, L, R>
where
    L: Data,
    R: Data,
    O: Operator<In = Either<L, R>>,
{
    type In = L;
    type Out = O::Out;

    fn open(&mut self, out: &mut Output<O::Out>) -> Progress {
        self.operator.open(out)
    }

    fn process(&mut self, input: &mut Batch<L>, out: &mut Output<O::Out>) -> Progress {
        self.work(input, Either::Left, Either::left, out)
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<O::Out>) -> Progress {
        self.operator.watermark(watermark, out)
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<O::Out>) -> Progress {
        self.operator.processing_time(now, out)
    }

    fn end(&mut self, out: &mut Output<O::Out>) -> Progress {
        self.operator.end(out)
    }

    fn close(&mut self, out: &mut Output<O::Out>) -> Progress {
        self.operator.close(out)
    }

    fn snapshot(&mut self, out: &Output<O::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.operator.snapshot(out, to)
    }

    fn restore(&mut self, out: &Output<O::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.operator.restore(out, from)
    }
}

impl<O, L, R> TwoInputOperator for EitherInputs<O, L, R>
where
    L: Data,
    R: Data,
    O: Operator<In = Either<L, R>, Out: Data>,
{
    type Second = R;

    fn process_second(&mut self, input: &mut Batch<R>, out: &mut Output<O::Out>) -> Progress {
        self.work(input, Either::Right, Either::right, out)
    }
}
