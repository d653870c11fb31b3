//! What becomes of a window's records, and of their sum when the window fires.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::{Aggregate, Collector, Context, Output, Stop};
use crate::time::Timestamp;
use crate::window::TimeWindow;

/// What a window function can ask: the window, how often it has fired, and all that [`Context`] knows.
pub struct WindowContext<'a> {
    base: Context<'a>,
    window: TimeWindow,
    revision: u32,
}

impl<'a> Deref for WindowContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl DerefMut for WindowContext<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl WindowContext<'_> {
    /// The window that fires.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// The first instant in the window.
    pub fn start(&self) -> Timestamp {
        self.window.start()
    }

    /// The first instant after the window.
    pub fn end(&self) -> Timestamp {
        self.window.end()
    }

    /// How often the window has fired for this key before. A session that was merged of several goes on from the
    /// highest of theirs; in a global window, a purge begins a new count.
    pub fn revision(&self) -> u32 {
        self.revision
    }
}

/// What a window function may return: nothing, or a [`Result`](crate::Result).
pub trait IntoResult {
    /// The outcome.
    fn into_result(self) -> Result<()>;
}

impl IntoResult for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl IntoResult for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}

/// A window's function, as the window operators see it.
///
/// `start` with a value, then `add` for each further one; `merge` as in [`Aggregate`], with the earlier contents first.
pub(crate) trait WindowLogic<K>: Clone + Send + Sync + 'static {
    type In: Data;
    type Acc: Data;
    type Out: Data;

    fn start(&self, value: Self::In) -> Self::Acc;
    fn add(&self, acc: &mut Self::Acc, value: Self::In);
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    fn fire(
        &self,
        key: &K,
        acc: Cow<'_, Self::Acc>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;
}

/// Emits the results of one firing.
pub(crate) fn fire<K: Key, L: WindowLogic<K>>(
    logic: &L,
    key: &K,
    acc: Cow<'_, L::Acc>,
    (window, revision): (TimeWindow, u32),
    out: &mut Output<L::Out>,
) -> Result<(), Stop> {
    let time = window.max_timestamp();
    let _blame = blame::Firing(time);
    out.collector.at_record(time, None);
    let base =
        Context { task: &out.task, metrics: &out.metrics, sides: &mut out.sides, time, watermark: out.watermark };
    let mut ctx = WindowContext { base, window, revision };
    logic.fire(key, acc, &mut ctx, &mut out.collector).map_err(|error| failed(time, error))
}

#[cold]
fn failed(event_time: Timestamp, error: anyhow::Error) -> Stop {
    TaskError::at(Site { event_time, ..Site::default() }, Cause::User(error)).into()
}

/// How a window's records are kept until it fires.
pub(crate) trait Fold: Clone + Send + Sync + 'static {
    type In: Data;
    type Acc: Data;

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

    #[inline]
    fn fire(&self, key: &K, acc: Cow<'_, D::Acc>, ctx: &mut WindowContext<'_>, out: &mut Collector<O>) -> Result<()> {
        (self.emit)(key, acc, ctx, out)
    }
}
