//! Partial sums, and how they are added up.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::operator::Aggregate;

/// What some records of a key have come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partial<K, A> {
    pub(crate) key: K,
    pub(crate) acc: A,
}

/// An aggregate of partial sums instead of records, with the same results.
pub(crate) struct MergePartials<K, A> {
    aggregate: A,
    _key: PhantomData<fn() -> K>,
}

impl<K, A> MergePartials<K, A> {
    pub(crate) fn new(aggregate: A) -> Self {
        Self { aggregate, _key: PhantomData }
    }
}

impl<K, A: Clone> Clone for MergePartials<K, A> {
    fn clone(&self) -> Self {
        Self::new(self.aggregate.clone())
    }
}

impl<K: Data, A: Aggregate> Aggregate for MergePartials<K, A> {
    type In = Partial<K, A::Acc>;
    type Acc = A::Acc;
    type Out = A::Out;

    fn create(&self) -> A::Acc {
        self.aggregate.create()
    }

    #[inline]
    fn add(&self, acc: &mut A::Acc, partial: Self::In) {
        self.aggregate.merge(acc, partial.acc);
    }

    fn merge(&self, acc: &mut A::Acc, other: A::Acc) {
        self.aggregate.merge(acc, other);
    }

    fn result(&self, acc: &A::Acc) -> A::Out {
        self.aggregate.result(acc)
    }
}
