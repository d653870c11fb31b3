//! What becomes of a left record and the version that is valid at its time.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::data::Data;
use crate::error::Result;
use crate::operator::{Collector, Context};
use crate::time::Timestamp;

/// What a temporal join does with each left record and the version that is valid at its time.
///
/// Results have the left record's event time. Each subtask works on a clone of its own.
///
/// ```
/// # use millstream::prelude::*;
/// use millstream::join::{ProcessTemporalJoin, TemporalContext};
///
/// /// How old the rate was that a price was converted by; prices without a rate are left out.
/// #[derive(Clone)]
/// struct Age;
///
/// impl ProcessTemporalJoin for Age {
///     type Left = u64;
///     type Right = f64;
///     type Out = Duration;
///     fn process(
///         &mut self,
///         _price: u64,
///         _rate: Option<&f64>,
///         ctx: &mut TemporalContext<'_>,
///         out: &mut Collector<Duration>,
///     ) -> Result<()> {
///         out.extend(ctx.version_timestamp().zip(ctx.timestamp()).map(|(since, at)| at.since(since)));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does with a record and the version that is valid at its time",
    label = "`ProcessTemporalJoin` is not implemented for this type",
    note = "add `impl ProcessTemporalJoin for {Self} {{ type Left = ..; type Right = ..; type Out = ..; fn process(..) .. }}`, or give a closure to `.apply(..)` or `.apply_left(..)`"
)]
pub trait ProcessTemporalJoin: Clone + Send + Sync + 'static {
    /// What comes from the left.
    type Left: Data;
    /// The versions, which come from the right.
    type Right: Data;
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each left record, in order of time for each key; `version` is `None` if its key has none at its time.
    fn process(
        &mut self,
        left: Self::Left,
        version: Option<&Self::Right>,
        ctx: &mut TemporalContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called once in each subtask after the last record; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What a [`ProcessTemporalJoin`] can ask: since when the version is valid, and all that [`Context`] knows.
pub struct TemporalContext<'a> {
    pub(super) base: Context<'a>,
    pub(super) version_time: Option<Timestamp>,
}

impl<'a> Deref for TemporalContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl DerefMut for TemporalContext<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl TemporalContext<'_> {
    /// The event time of the version; `None` if there is none.
    pub fn version_timestamp(&self) -> Option<Timestamp> {
        self.version_time
    }
}

/// Makes one result of each record that has a version, by a closure.
pub(crate) struct InnerFn<L, R, O, F> {
    pair: F,
    _types: PhantomData<fn(L, R) -> O>,
}

impl<L, R, O, F> InnerFn<L, R, O, F> {
    pub(crate) fn new(pair: F) -> Self {
        Self { pair, _types: PhantomData }
    }
}

impl<L, R, O, F: Clone> Clone for InnerFn<L, R, O, F> {
    fn clone(&self) -> Self {
        Self::new(self.pair.clone())
    }
}

impl<L: Data, R: Data, O: Data, F> ProcessTemporalJoin for InnerFn<L, R, O, F>
where
    F: FnMut(L, &R) -> O + Clone + Send + Sync + 'static,
{
    type Left = L;
    type Right = R;
    type Out = O;

    #[inline]
    fn process(
        &mut self,
        left: L,
        version: Option<&R>,
        _ctx: &mut TemporalContext<'_>,
        out: &mut Collector<O>,
    ) -> Result<()> {
        if let Some(version) = version {
            out.emit((self.pair)(left, version));
        }
        Ok(())
    }
}

/// Makes one result of each record, by a closure.
pub(crate) struct LeftFn<L, R, O, F> {
    pair: F,
    _types: PhantomData<fn(L, R) -> O>,
}

impl<L, R, O, F> LeftFn<L, R, O, F> {
    pub(crate) fn new(pair: F) -> Self {
        Self { pair, _types: PhantomData }
    }
}

impl<L, R, O, F: Clone> Clone for LeftFn<L, R, O, F> {
    fn clone(&self) -> Self {
        Self::new(self.pair.clone())
    }
}

impl<L: Data, R: Data, O: Data, F> ProcessTemporalJoin for LeftFn<L, R, O, F>
where
    F: FnMut(L, Option<&R>) -> O + Clone + Send + Sync + 'static,
{
    type Left = L;
    type Right = R;
    type Out = O;

    #[inline]
    fn process(
        &mut self,
        left: L,
        version: Option<&R>,
        _ctx: &mut TemporalContext<'_>,
        out: &mut Collector<O>,
    ) -> Result<()> {
        out.emit((self.pair)(left, version));
        Ok(())
    }
}
