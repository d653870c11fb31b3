//! Rolling folds: an accumulator per key, and a result for every record.
//!
//! `reduce`, `sum`, `min`, `max`, `count` and rolling `aggregate` are all this. A fold needs no context and cannot fail, so
//! it runs over a batch at a time.

use std::sync::Arc;

use super::KeySelector;
use super::runner::ROWS_AHEAD;
use crate::channel::Batch;
use crate::channel::hash::stable_hash;
use crate::data::{Data, Key};
use crate::operator::{Operator, Output, Progress};
use crate::state::{KeyIndex, OperatorCapture, OperatorSnapshot, Pages, RowId, StateError};

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
    keys: KeyIndex<K>,
    accs: Pages<Option<R::Acc>>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
}

impl<K: Key, R: Rolling<K>> RollingRunner<K, R> {
    pub(crate) fn new(rolling: R, selector: Arc<dyn KeySelector<R::In, K>>) -> Self {
        Self { rolling, selector, keys: KeyIndex::default(), accs: Pages::default(), resolved: Vec::new() }
    }
}

impl<K: Key, R: Rolling<K>> Operator for RollingRunner<K, R> {
    type In = R::In;
    type Out = R::Out;

    fn process(&mut self, input: &mut Batch<R::In>, out: &mut Output<R::Out>) -> Progress {
        if input.hashes().is_empty() {
            self.selector.hash(input);
        }
        let Self { rolling, selector, keys, accs, resolved } = self;
        selector.resolve(input, keys, resolved);
        accs.grow_to(keys.row_count(), || None);
        input.forget_hashes();
        let (resolved, mut accs) = (resolved.as_slice(), accs.writer());
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

    fn snapshot(&mut self, out: &Output<R::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        let groups = out.task.info.key_groups();
        let (keys, accs) = (self.keys.freeze(), self.accs.freeze());
        to.defer(move |to| {
            let entries = keys.encode(&accs, groups, |key, acc, bytes| match acc {
                Some(acc) => crate::state::encode(key, bytes).and_then(|()| crate::state::encode(acc, bytes)),
                None => Ok(()),
            })?;
            to.extend_keyed("accumulators", entries);
            Ok(())
        });
        Ok(())
    }

    fn restore(&mut self, out: &Output<R::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        let groups = out.task.info.key_groups();
        from.read_keyed("accumulators", groups, |group, bytes| {
            let key: K = crate::state::decode(bytes, "a key")?;
            let hash = stable_hash(&key);
            groups.check(group, hash)?;
            let row = self.keys.find_or_insert(hash, &key);
            self.accs.grow_to(self.keys.row_count(), || None);
            *self.accs.get_mut(row) = Some(crate::state::decode(bytes, "an accumulator")?);
            Ok(())
        })
    }
}
