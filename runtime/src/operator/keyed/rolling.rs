//! Rolling folds: an accumulator per key, and a result for every record.
//!
//! `reduce`, `sum`, `min`, `max`, `count` and rolling `aggregate` are all this. A fold needs no context and cannot fail, so
//! it runs over a batch at a time.

use std::sync::Arc;

use super::KeySelector;
use super::keyed_core::ROWS_AHEAD;
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::operator::{Operator, Output, Progress, Stop};
use crate::state::{KeyedRows, OperatorCapture, OperatorSnapshot, RowId, StateError, ValueCodec};
use crate::time::Timestamp;

/// A fold of a key's records.
pub(crate) trait Rolling<K>: Clone + Send + Sync + 'static {
    type In: Data;
    type Acc: Data;
    type Out: Data;

    /// Adds a record to what is stored, which is nothing at first, stores what comes of it, and makes the result.
    fn roll(&mut self, key: &K, acc: &mut Option<Self::Acc>, value: Self::In) -> Self::Out;
}

/// Runs a [`Rolling`] fold.
pub(crate) struct RollingRunner<K, R: Rolling<K>> {
    rolling: R,
    selector: Arc<dyn KeySelector<R::In, K>>,
    accs: KeyedRows<K, ValueCodec<R::Acc>>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// In batch mode, the last results.
    last: LastResults<R::Out>,
}

/// The last result of each row, with its event time; they are given out once.
struct LastResults<T> {
    rows: Vec<Option<(T, Timestamp)>>,
    /// The row that comes next when they are given out.
    next: usize,
}

impl<T: Data> LastResults<T> {
    fn put(&mut self, row: RowId, result: T, time: Timestamp) {
        let row = row as usize;
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, || None);
        }
        self.rows[row] = Some((result, time));
    }

    fn emit(&mut self, out: &mut Output<T>) -> Progress {
        while let Some(row) = self.rows.get_mut(self.next) {
            self.next += 1;
            if let Some((result, time)) = row.take() {
                out.collector.at_record(time, None);
                out.collector.emit(result);
            }
            out.relieve()?;
        }
        Ok(())
    }
}

impl<K: Key, R: Rolling<K>> RollingRunner<K, R> {
    pub(crate) fn new(rolling: R, selector: Arc<dyn KeySelector<R::In, K>>) -> Self {
        let accs = KeyedRows::new("accumulators", ValueCodec::default());
        let last = LastResults { rows: Vec::new(), next: 0 };
        Self { rolling, selector, accs, resolved: Vec::new(), last }
    }
}

impl<K: Key, R: Rolling<K>> Operator for RollingRunner<K, R> {
    type In = R::In;
    type Out = R::Out;

    fn open(&mut self, out: &mut Output<R::Out>) -> Progress {
        self.accs.open(&out.task).map_err(Stop::of_state)
    }

    fn process(&mut self, input: &mut Batch<R::In>, out: &mut Output<R::Out>) -> Progress {
        if input.hashes().is_empty() {
            self.selector.hash(input);
        }
        let Self { rolling, selector, accs, resolved, last } = self;
        accs.make_room(Timestamp::MIN).map_err(Stop::of_state)?;
        selector.resolve(input, &mut accs.keys, resolved);
        accs.load(resolved, Timestamp::MIN).map_err(Stop::of_state)?;
        input.forget_hashes();
        out.set_hurried(accs.rows.is_frozen());
        let (resolved, keys, mut accs) = (resolved.as_slice(), &accs.keys, accs.rows.writer());
        if out.task.is_batch() {
            let mut records = input.consume();
            while let Some(value) = records.next_value() {
                let row = resolved[records.index()];
                let result = rolling.roll(keys.key(row), accs.get_mut(row), value);
                last.put(row, result, records.time());
            }
            return Ok(());
        }
        let mut at = 0;
        out.map(input, |value| {
            if let Some(ahead) = resolved.get(at + ROWS_AHEAD) {
                accs.prefetch(*ahead);
            }
            let row = resolved[at];
            at += 1;
            rolling.roll(keys.key(row), accs.get_mut(row), value)
        })
    }

    fn watermark(&mut self, _watermark: Timestamp, out: &mut Output<R::Out>) -> Progress {
        // In batch mode, there is only that of the end.
        self.last.emit(out)
    }

    fn snapshot(&mut self, out: &Output<R::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.accs.snapshot(&out.task, to)
    }

    fn restore(&mut self, out: &Output<R::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.accs.restore(&out.task, from)
    }
}
