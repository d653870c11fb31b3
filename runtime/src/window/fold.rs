//! How a window's records are kept until it fires.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::WindowContext;
use super::function::WindowLogic;
use crate::data::Data;
use crate::error::{Cause, Result};
use crate::operator::{Aggregate, Collector};

/// Makes one accumulator of a window's records.
pub(crate) trait Fold: Clone + Send + Sync + 'static {
    type In: Data;
    type Acc: Data;

    /// What a window holds that has no records; `None` if that has no result.
    fn empty(&self) -> Option<Self::Acc>;

    fn start(&self, value: Self::In) -> Self::Acc;
    fn add(&self, acc: &mut Self::Acc, value: Self::In);
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
}

/// Folds by an [`Aggregate`].
#[derive(Clone)]
pub(crate) struct AggregateFold<A>(pub(crate) A);

impl<A: Aggregate> Fold for AggregateFold<A> {
    type In = A::In;
    type Acc = A::Acc;

    fn empty(&self) -> Option<A::Acc> {
        Some(self.0.create())
    }

    #[inline]
    fn start(&self, value: A::In) -> A::Acc {
        let mut acc = self.0.create();
        self.0.add(&mut acc, value);
        acc
    }

    #[inline]
    fn add(&self, acc: &mut A::Acc, value: A::In) {
        self.0.add(acc, value);
    }

    #[inline]
    fn merge(&self, acc: &mut A::Acc, other: A::Acc) {
        self.0.merge(acc, other);
    }
}

/// Folds two values into one. `None` only while the function runs.
#[derive(Clone)]
pub(crate) struct ReduceFold<T, F>(F, PhantomData<fn() -> T>);

impl<T, F> ReduceFold<T, F>
where
    F: Fn(T, T) -> T,
{
    pub(crate) fn new(reduce: F) -> Self {
        Self(reduce, PhantomData)
    }

    fn reduce(&self, acc: &mut Option<T>, value: T) {
        *acc = Some(match acc.take() {
            Some(before) => (self.0)(before, value),
            None => value,
        });
    }
}

impl<T: Data, F> Fold for ReduceFold<T, F>
where
    F: Fn(T, T) -> T + Clone + Send + Sync + 'static,
{
    type In = T;
    type Acc = Option<T>;

    fn empty(&self) -> Option<Option<T>> {
        None
    }

    fn start(&self, value: T) -> Option<T> {
        Some(value)
    }

    #[inline]
    fn add(&self, acc: &mut Option<T>, value: T) {
        self.reduce(acc, value);
    }

    fn merge(&self, acc: &mut Option<T>, other: Option<T>) {
        if let Some(value) = other {
            self.reduce(acc, value);
        }
    }
}

/// Counts.
#[derive(Clone)]
pub(crate) struct CountFold<T>(pub(crate) PhantomData<fn() -> T>);

impl<T: Data> Fold for CountFold<T> {
    type In = T;
    type Acc = u64;

    fn empty(&self) -> Option<u64> {
        Some(0)
    }

    #[inline]
    fn start(&self, _value: T) -> u64 {
        1
    }

    #[inline]
    fn add(&self, acc: &mut u64, _value: T) {
        *acc += 1;
    }

    #[inline]
    fn merge(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }
}

/// Keeps all records.
#[derive(Clone)]
pub(crate) struct ContentsFold<T>(pub(crate) PhantomData<fn() -> T>);

impl<T: Data> Fold for ContentsFold<T> {
    type In = T;
    type Acc = Vec<T>;

    fn empty(&self) -> Option<Vec<T>> {
        Some(Vec::new())
    }

    fn start(&self, value: T) -> Vec<T> {
        vec![value]
    }

    #[inline]
    fn add(&self, acc: &mut Vec<T>, value: T) {
        acc.push(value);
    }

    fn merge(&self, acc: &mut Vec<T>, mut other: Vec<T>) {
        acc.append(&mut other);
    }
}

/// A fold, and what is made of the outcome when the window fires.
pub(crate) struct Folded<D, F, O> {
    fold: D,
    emit: F,
    _out: PhantomData<fn() -> O>,
}

impl<D: Clone, F: Clone, O> Clone for Folded<D, F, O> {
    fn clone(&self) -> Self {
        Self { fold: self.fold.clone(), emit: self.emit.clone(), _out: PhantomData }
    }
}

impl<D, F, O> Folded<D, F, O> {
    /// `emit` gets the key, the outcome of the fold, the context and the collector.
    pub(crate) fn new<K>(fold: D, emit: F) -> Self
    where
        D: Fold,
        F: Fn(&K, Cow<'_, D::Acc>, &mut WindowContext<'_>, &mut Collector<O>) -> Result<()>,
    {
        Self { fold, emit, _out: PhantomData }
    }
}

impl<K, D, F, O> WindowLogic<K> for Folded<D, F, O>
where
    D: Fold,
    F: Fn(&K, Cow<'_, D::Acc>, &mut WindowContext<'_>, &mut Collector<O>) -> Result<()> + Clone + Send + Sync + 'static,
    O: Data,
{
    type In = D::In;
    type Acc = D::Acc;
    type Out = O;

    #[inline]
    fn start(&self, value: D::In) -> D::Acc {
        self.fold.start(value)
    }

    #[inline]
    fn add(&self, acc: &mut D::Acc, value: D::In) {
        self.fold.add(acc, value);
    }

    #[inline]
    fn merge(&self, acc: &mut D::Acc, other: D::Acc) {
        self.fold.merge(acc, other);
    }

    fn empty(&self) -> Option<D::Acc> {
        self.fold.empty()
    }

    #[inline]
    fn fire(
        &mut self,
        key: &K,
        acc: Cow<'_, D::Acc>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<O>,
    ) -> Result<(), Cause> {
        (self.emit)(key, acc, ctx, out).map_err(Cause::User)
    }
}
