//! Functions over two unkeyed streams, with an entry point for each.

use super::{Collector, Context, Either, Process};
use crate::data::Data;
use crate::error::Result;
use crate::state::OperatorStates;

/// An operator on two unkeyed streams, with a function for each. Each subtask works on a clone of its own.
///
/// The same can be said by a [`Process`] that takes [`Either`].
///
/// ```
/// use millstream::prelude::*;
///
/// /// Numbers up to the last limit.
/// #[derive(Clone)]
/// struct Limit(u64);
///
/// impl CoProcess for Limit {
///     type Left = u64;
///     type Right = u64;
///     type Out = u64;
///
///     fn process_left(&mut self, n: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
///         out.extend((n <= self.0).then_some(n));
///         Ok(())
///     }
///
///     fn process_right(&mut self, limit: u64, _ctx: &mut Context<'_>, _out: &mut Collector<u64>) -> Result<()> {
///         self.0 = limit;
///         Ok(())
///     }
/// }
/// ```
pub trait CoProcess: Clone + Send + Sync + 'static {
    /// The records of the left stream.
    type Left: Data;
    /// The records of the right stream.
    type Right: Data;
    /// What goes out.
    type Out: Data;

    /// What a subtask remembers, as for [`Process::operator_states`].
    fn operator_states(&mut self) -> OperatorStates<'_> {
        Vec::new()
    }

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record of the left stream.
    fn process_left(&mut self, value: Self::Left, ctx: &mut Context<'_>, out: &mut Collector<Self::Out>) -> Result<()>;

    /// Called for each record of the right stream.
    fn process_right(
        &mut self,
        value: Self::Right,
        ctx: &mut Context<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called once in each subtask after the last record; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// A [`CoProcess`] as a [`Process`].
#[derive(Clone)]
pub(crate) struct Co<P>(pub(crate) P);

impl<P: CoProcess> Process for Co<P> {
    type In = Either<P::Left, P::Right>;
    type Out = P::Out;

    fn operator_states(&mut self) -> OperatorStates<'_> {
        self.0.operator_states()
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.0.open(ctx)
    }

    #[inline]
    fn process(&mut self, record: Self::In, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<()> {
        match record {
            Either::Left(left) => self.0.process_left(left, ctx, out),
            Either::Right(right) => self.0.process_right(right, ctx, out),
        }
    }

    fn close(&mut self, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<()> {
        self.0.close(ctx, out)
    }
}
