//! What becomes of a pair.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::data::Data;
use crate::error::Result;
use crate::operator::{Collector, Context};
use crate::time::Timestamp;

/// What an interval join does with each pair.
///
/// Results have the later of the two records' event times. Each subtask works on a clone of its own.
///
/// ```
/// # use millstream::prelude::*;
/// use millstream::join::{JoinContext, ProcessJoin};
///
/// /// How long after the order the payment came.
/// #[derive(Clone)]
/// struct Delay;
///
/// impl ProcessJoin for Delay {
///     type Left = String;
///     type Right = u64;
///     type Out = (String, Duration);
///     fn process(
///         &mut self,
///         order: &String,
///         _payment: &u64,
///         ctx: &mut JoinContext<'_>,
///         out: &mut Collector<(String, Duration)>,
///     ) -> Result<()> {
///         out.emit((order.clone(), ctx.right_timestamp().since(ctx.left_timestamp())));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does with a pair",
    label = "`ProcessJoin` is not implemented for this type",
    note = "add `impl ProcessJoin for {Self} {{ type Left = ..; type Right = ..; type Out = ..; fn process(..) .. }}`, or give a closure to `.apply(..)`"
)]
pub trait ProcessJoin: Clone + Send + Sync + 'static {
    /// What comes from the left.
    type Left: Data;
    /// What comes from the right.
    type Right: Data;
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each pair.
    fn process(
        &mut self,
        left: &Self::Left,
        right: &Self::Right,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called once in each subtask after the last record; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What a [`ProcessJoin`] can ask: the event times of both records, and all that [`Context`] knows.
pub struct JoinContext<'a> {
    pub(crate) base: Context<'a>,
    pub(crate) left_time: i64,
    pub(crate) right_time: i64,
}

impl<'a> Deref for JoinContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl DerefMut for JoinContext<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl JoinContext<'_> {
    /// The event time of the left record.
    pub fn left_timestamp(&self) -> Timestamp {
        Timestamp::from_millis(self.left_time)
    }

    /// The event time of the right record.
    pub fn right_timestamp(&self) -> Timestamp {
        Timestamp::from_millis(self.right_time)
    }
}

/// Makes one result of each pair by a closure.
pub(crate) struct PairFn<L, R, O, F> {
    pair: F,
    _types: PhantomData<fn(L, R) -> O>,
}

impl<L, R, O, F> PairFn<L, R, O, F> {
    pub(crate) fn new(pair: F) -> Self {
        Self { pair, _types: PhantomData }
    }
}

impl<L, R, O, F: Clone> Clone for PairFn<L, R, O, F> {
    fn clone(&self) -> Self {
        Self::new(self.pair.clone())
    }
}

impl<L: Data, R: Data, O: Data, F> ProcessJoin for PairFn<L, R, O, F>
where
    F: FnMut(&L, &R) -> O + Clone + Send + Sync + 'static,
{
    type Left = L;
    type Right = R;
    type Out = O;

    #[inline]
    fn process(&mut self, left: &L, right: &R, _ctx: &mut JoinContext<'_>, out: &mut Collector<O>) -> Result<()> {
        out.emit((self.pair)(left, right));
        Ok(())
    }
}
