//! Windows that keep only their last records.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::WindowContext;
use super::function::WindowLogic;
use crate::error::Result;
use crate::operator::Collector;

/// Keeps the last `count` records as they are, and folds them when the window fires.
#[derive(Clone)]
pub(crate) struct LastN<L> {
    pub(crate) count: usize,
    pub(crate) logic: L,
}

impl<L> LastN<L> {
    fn trim<T>(&self, records: &mut VecDeque<T>) {
        while records.len() > self.count {
            records.pop_front();
        }
    }
}

impl<K, L: WindowLogic<K>> WindowLogic<K> for LastN<L> {
    type In = L::In;
    type Acc = VecDeque<L::In>;
    type Out = L::Out;

    fn start(&self, value: L::In) -> VecDeque<L::In> {
        VecDeque::from([value])
    }

    fn add(&self, acc: &mut VecDeque<L::In>, value: L::In) {
        acc.push_back(value);
        self.trim(acc);
    }

    fn merge(&self, acc: &mut VecDeque<L::In>, other: VecDeque<L::In>) {
        acc.extend(other);
        self.trim(acc);
    }

    fn fire(
        &self,
        key: &K,
        acc: Cow<'_, VecDeque<L::In>>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<L::Out>,
    ) -> Result<()> {
        let mut records = acc.into_owned().into_iter();
        let Some(first) = records.next() else { return Ok(()) };
        let mut folded = self.logic.start(first);
        for record in records {
            self.logic.add(&mut folded, record);
        }
        self.logic.fire(key, Cow::Owned(folded), ctx, out)
    }
}
