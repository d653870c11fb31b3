//! Windows that keep records as they are, and fold them each time they fire.

use std::borrow::Cow;

use super::WindowContext;
use super::evictor::EvictorContext;
use super::function::WindowLogic;
use crate::data::Data;
use crate::error::{Cause, Result};
use crate::operator::{Collector, Context, TaskContext};
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};
use crate::time::Timestamp;

/// Which of a window's records are kept.
pub(crate) trait Buffer<T>: 'static {
    type Kept: Data;

    fn start(&self, value: T, time: Timestamp) -> Self::Kept;
    fn add(&self, kept: &mut Self::Kept, value: T, time: Timestamp);
    fn merge(&self, kept: &mut Self::Kept, other: Self::Kept);

    fn is_empty(_kept: &Self::Kept) -> bool {
        false
    }

    fn evict_before(&self, _kept: &mut Self::Kept, _ctx: &EvictorContext) {}
    fn evict_after(&self, _kept: &mut Self::Kept, _ctx: &EvictorContext) {}

    /// What the window's function gets.
    fn values(kept: Self::Kept) -> impl Iterator<Item = T>;
}

/// A window's function that gets its records one by one when the window fires.
pub(crate) struct Refolding<B, L> {
    pub(crate) buffer: B,
    pub(crate) logic: L,
}

impl<B, L> Refolding<B, L> {
    fn fire_values<K>(
        &mut self,
        key: &K,
        mut values: impl Iterator<Item = L::In>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<L::Out>,
    ) -> Result<(), Cause>
    where
        L: WindowLogic<K>,
    {
        let first = values.next().map(|first| self.logic.start(first)).or_else(|| self.logic.empty());
        let Some(mut folded) = first else { return Ok(()) };
        for value in values {
            self.logic.add(&mut folded, value);
        }
        self.logic.fire(key, Cow::Owned(folded), ctx, out)
    }
}

fn evictor_context(ctx: &WindowContext<'_>) -> EvictorContext {
    EvictorContext { window: ctx.window(), watermark: ctx.watermark(), now: ctx.processing_time() }
}

impl<K, L: WindowLogic<K>, B: Buffer<L::In>> WindowLogic<K> for Refolding<B, L> {
    type In = L::In;
    type Acc = B::Kept;
    type Out = L::Out;

    const HAS_STATE: bool = L::HAS_STATE;

    fn start(&self, value: L::In) -> B::Kept {
        self.start_at(value, Timestamp::MIN)
    }

    fn add(&self, acc: &mut B::Kept, value: L::In) {
        self.add_at(acc, value, Timestamp::MIN);
    }

    fn merge(&self, acc: &mut B::Kept, other: B::Kept) {
        self.buffer.merge(acc, other);
    }

    fn start_at(&self, value: L::In, time: Timestamp) -> B::Kept {
        self.buffer.start(value, time)
    }

    fn add_at(&self, acc: &mut B::Kept, value: L::In, time: Timestamp) {
        self.buffer.add(acc, value, time);
    }

    fn empty(&self) -> Option<B::Kept> {
        None
    }

    fn is_void(&self, acc: &B::Kept) -> bool {
        B::is_empty(acc)
    }

    fn fire(
        &mut self,
        key: &K,
        acc: Cow<'_, B::Kept>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<L::Out>,
    ) -> Result<(), Cause> {
        let mut kept = acc.into_owned();
        self.buffer.evict_before(&mut kept, &evictor_context(ctx));
        self.fire_values(key, B::values(kept), ctx, out)
    }

    fn fire_kept(
        &mut self,
        key: &K,
        kept: &mut B::Kept,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<L::Out>,
    ) -> Result<(), Cause> {
        let at = evictor_context(ctx);
        self.buffer.evict_before(kept, &at);
        let done = self.fire_values(key, B::values(kept.clone()), ctx, out);
        self.buffer.evict_after(kept, &at);
        done
    }

    fn clear(&mut self, key: &K, ctx: &mut WindowContext<'_>) -> Result<(), Cause> {
        self.logic.clear(key, ctx)
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<(), Cause> {
        self.logic.open(ctx)
    }

    fn close(&mut self, ctx: &mut Context<'_>, out: &mut Collector<L::Out>) -> Result<(), Cause> {
        self.logic.close(ctx, out)
    }

    fn tend(&mut self, task: &TaskContext) {
        self.logic.tend(task);
    }

    fn snapshot(&mut self, task: &TaskContext, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.logic.snapshot(task, to)
    }

    fn restore(&mut self, task: &TaskContext, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.logic.restore(task, from)
    }
}
