//! What becomes of what a window holds when it fires.

use std::borrow::Cow;

use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::{Collector, Context, OnError, Output, Progress, TaskContext};
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};
use crate::time::Timestamp;
use crate::window::{TimeWindow, WindowContext};

/// A window's function, as the window operators see it; made anew in each subtask.
///
/// `start` with a value, then `add` for each further one; `merge` as in [`Aggregate`](crate::operator::Aggregate), with the
/// earlier contents first.
pub(crate) trait WindowLogic<K>: 'static {
    type In: Data;
    type Acc: Data;
    type Out: Data;

    /// Whether it is told of each window that is over, and asked for what it remembers: windows are then kept key by key.
    const HAS_STATE: bool = false;

    fn start(&self, value: Self::In) -> Self::Acc;
    fn add(&self, acc: &mut Self::Acc, value: Self::In);
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);

    /// [`WindowLogic::start`] with a record whose event time is known, if it has one.
    #[inline]
    fn start_at(&self, value: Self::In, _time: Timestamp) -> Self::Acc {
        self.start(value)
    }

    /// [`WindowLogic::add`] with a record whose event time is known, if it has one.
    #[inline]
    fn add_at(&self, acc: &mut Self::Acc, value: Self::In, _time: Timestamp) {
        self.add(acc, value);
    }

    /// What a window holds that has no records; `None` if that has no result.
    fn empty(&self) -> Option<Self::Acc>;

    /// Whether a window that holds this does not fire.
    #[inline]
    fn is_void(&self, _acc: &Self::Acc) -> bool {
        false
    }

    fn fire(
        &mut self,
        key: &K,
        acc: Cow<'_, Self::Acc>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), Cause>;

    /// Fires a window that keeps its contents.
    #[inline]
    fn fire_kept(
        &mut self,
        key: &K,
        acc: &mut Self::Acc,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<(), Cause> {
        self.fire(key, Cow::Borrowed(acc), ctx, out)
    }

    /// A window is over.
    fn clear(&mut self, _key: &K, _ctx: &mut WindowContext<'_>) -> Result<(), Cause> {
        Ok(())
    }

    /// Called once before all else but `restore`.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<(), Cause> {
        Ok(())
    }

    /// Called once after all else.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<(), Cause> {
        Ok(())
    }

    /// Called between batches.
    fn tend(&mut self, _task: &TaskContext) {}

    fn snapshot(&mut self, _task: &TaskContext, _to: &mut OperatorCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _task: &TaskContext, _from: &OperatorSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}

/// The context of an output at an event time; the output's collector stays free.
macro_rules! context {
    ($out:ident, $time:expr) => {
        Context {
            task: &$out.task,
            operator: &$out.metrics.name,
            sides: &mut $out.sides,
            time: $time,
            watermark: $out.watermark,
        }
    };
}

/// A window's function with what becomes of windows for which it fails.
pub(crate) struct WindowFunction<K, L> {
    pub(crate) logic: L,
    on_error: OnError<(K, TimeWindow)>,
}

impl<K: Key, L: WindowLogic<K>> WindowFunction<K, L> {
    pub(crate) fn new(logic: L, on_error: OnError<(K, TimeWindow)>) -> Self {
        Self { logic, on_error }
    }

    /// Emits the results of one firing: of a window, which has fired so often before.
    #[inline]
    pub(crate) fn fire(
        &mut self,
        key: &K,
        acc: Cow<'_, L::Acc>,
        firing: (TimeWindow, u32),
        out: &mut Output<L::Out>,
    ) -> Progress {
        self.call(key, firing, out, |logic, ctx, out| logic.fire(key, acc, ctx, out))
    }

    /// [`WindowFunction::fire`] of a window that keeps its contents.
    #[inline]
    pub(crate) fn fire_kept(
        &mut self,
        key: &K,
        acc: &mut L::Acc,
        firing: (TimeWindow, u32),
        out: &mut Output<L::Out>,
    ) -> Progress {
        self.call(key, firing, out, |logic, ctx, out| logic.fire_kept(key, acc, ctx, out))
    }

    /// Tells of a window that is over.
    pub(crate) fn clear(&mut self, key: &K, firing: (TimeWindow, u32), out: &mut Output<L::Out>) -> Progress {
        if L::HAS_STATE { self.call(key, firing, out, |logic, ctx, _| logic.clear(key, ctx)) } else { Ok(()) }
    }

    #[inline]
    fn call(
        &mut self,
        key: &K,
        (window, revision): (TimeWindow, u32),
        out: &mut Output<L::Out>,
        call: impl FnOnce(&mut L, &mut WindowContext<'_>, &mut Collector<L::Out>) -> Result<(), Cause>,
    ) -> Progress {
        let time = window.max_timestamp();
        let _blame = blame::Firing(time);
        out.collector.at_record(time, None);
        let base = context!(out, time);
        let mut ctx = WindowContext { base, window, revision };
        match call(&mut self.logic, &mut ctx, &mut out.collector) {
            Ok(()) => Ok(()),
            Err(cause) => self.failed(cause, key, window, out),
        }
    }

    #[cold]
    fn failed(&self, cause: Cause, key: &K, window: TimeWindow, out: &mut Output<L::Out>) -> Progress {
        let site = Site { event_time: window.max_timestamp(), ..Site::default() };
        match cause {
            Cause::User(error) => {
                let kept = Some((key.clone(), window));
                self.on_error.handle(error, kept, site, &mut out.sides, &out.metrics)
            }
            other => Err(TaskError::at(site, other).into()),
        }
    }

    pub(crate) fn open(&mut self, out: &mut Output<L::Out>) -> Progress {
        let mut ctx = context!(out, Timestamp::MIN);
        self.logic.open(&mut ctx).map_err(|cause| TaskError::at(Site::default(), cause).into())
    }

    pub(crate) fn close(&mut self, out: &mut Output<L::Out>) -> Progress {
        let mut ctx = context!(out, Timestamp::MIN);
        self.logic.close(&mut ctx, &mut out.collector).map_err(|cause| TaskError::at(Site::default(), cause).into())
    }
}
