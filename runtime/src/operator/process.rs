//! Functions over an unkeyed stream that use the context, fail, or emit any number of results.

use std::marker::PhantomData;

use super::{Collector, Context, Either, Operator, Output, Progress, Stop, TwoInputOperator};
use crate::channel::Batch;
use crate::data::Data;
use crate::error::{Cause, Result, TaskError};
use crate::state::{OperatorCapture, OperatorSnapshot, OperatorStates, StateError, operator_state};

/// An operator on an unkeyed stream. Each subtask works on a clone of its own.
///
/// ```
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Halves;
///
/// impl Process for Halves {
///     type In = u64;
///     type Out = u64;
///     fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
///         if value % 2 == 0 {
///             out.emit(value / 2);
///         }
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operator on an unkeyed stream",
    label = "this operator does not fit this stream",
    note = "an operator with states of keys (`Value`, `List`, `Map`, ..) or a `KeyedContext` needs a keyed stream: put `.key_by(..)` before it",
    note = "what a whole subtask remembers is a `ListState`, a `UnionList` or a `BroadcastState`, which need no key"
)]
pub trait Process: Clone + Send + Sync + 'static {
    /// What comes in.
    type In: Data;
    /// What goes out.
    type Out: Data;

    /// What it remembers, by name: in each snapshot, and back in place before `open` when the job is restored. The names
    /// are the same at each call.
    ///
    /// ```
    /// use millstream::prelude::*;
    /// use millstream::state::OperatorStates;
    ///
    /// /// Hands on what its subtask has not seen before.
    /// #[derive(Clone, Default)]
    /// struct Dedup {
    ///     seen: ListState<u64>,
    /// }
    ///
    /// impl Process for Dedup {
    ///     type In = u64;
    ///     type Out = u64;
    ///
    ///     fn operator_states(&mut self) -> OperatorStates<'_> {
    ///         vec![(StateSpec::new("seen"), &mut self.seen)]
    ///     }
    ///
    ///     fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
    ///         if !self.seen.contains(&value) {
    ///             self.seen.push(value);
    ///             out.emit(value);
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn operator_states(&mut self) -> OperatorStates<'_> {
        Vec::new()
    }

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record.
    fn process(&mut self, value: Self::In, ctx: &mut Context<'_>, out: &mut Collector<Self::Out>) -> Result<()>;

    /// Called once in each subtask after the last record; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What becomes of a record for which the user's function fails.
pub enum OnError<T> {
    /// The job fails. The default.
    Fail,
    /// The record is dropped and counted as `numRecordsFailed`.
    Skip,
    /// The record and the error's message go to a side output.
    SideOutput(super::OutputTag<(T, String)>),
}

impl<T> Clone for OnError<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Fail => Self::Fail,
            Self::Skip => Self::Skip,
            Self::SideOutput(tag) => Self::SideOutput(*tag),
        }
    }
}

impl<T> std::fmt::Debug for OnError<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fail => f.write_str("Fail"),
            Self::Skip => f.write_str("Skip"),
            Self::SideOutput(tag) => write!(f, "SideOutput({:?})", tag.name()),
        }
    }
}

impl<T: Data> OnError<T> {
    /// A copy of the record, if it will be needed should the function fail.
    #[inline]
    pub(crate) fn keep(&self, value: &T) -> Option<T> {
        match self {
            Self::SideOutput(_) => Some(value.clone()),
            Self::Fail | Self::Skip => None,
        }
    }

    /// Deals with a record for which the function failed.
    #[cold]
    pub(crate) fn handle(
        &self,
        error: anyhow::Error,
        kept: Option<T>,
        site: crate::error::Site,
        sides: &mut super::SideOutputs,
        metrics: &crate::observe::OperatorMetrics,
    ) -> Progress {
        match (self, kept) {
            (Self::Fail, _) => Err(TaskError::at(site, Cause::User(error)).into()),
            (Self::SideOutput(tag), Some(value)) => {
                metrics.records_failed.add(1);
                sides.emit(*tag, (value, format!("{error:#}")), site.event_time);
                Ok(())
            }
            (Self::Skip | Self::SideOutput(_), _) => {
                metrics.records_failed.add(1);
                tracing::debug!(operator = %metrics.name, "record skipped{site}: {error:#}");
                Ok(())
            }
        }
    }
}

/// The inputs of a [`Process`] that takes records of type `T`.
pub(crate) trait Inputs<T>: 'static {
    /// The records of the first input.
    type First: Data;

    /// Makes of a record of the first input what the function takes.
    fn wrap_first(record: Self::First) -> T;
}

/// A single input.
pub(crate) struct One;

impl<T: Data> Inputs<T> for One {
    type First = T;

    #[inline]
    fn wrap_first(record: T) -> T {
        record
    }
}

/// Two inputs, whose records the function takes as [`Either`].
pub(crate) struct Two<L, R>(PhantomData<fn(L, R)>);

impl<L: Data, R: Data> Inputs<Either<L, R>> for Two<L, R> {
    type First = L;

    #[inline]
    fn wrap_first(record: L) -> Either<L, R> {
        Either::Left(record)
    }
}

/// Calls a function that knows of no key for each record of a batch, which `wrap` makes into what the function takes.
#[inline]
pub(crate) fn each_record<T, V: Data, U: Data>(
    input: &mut Batch<T>,
    out: &mut Output<U>,
    (on_error, wrap): (&OnError<V>, impl Fn(T) -> V),
    mut call: impl FnMut(V, &mut Context<'_>, &mut Collector<U>) -> Result<()>,
) -> Progress {
    loop {
        out.collector.set_origin(input.origin());
        let mut records = input.consume();
        while !out.is_full() {
            let Some(value) = records.next_value().map(&wrap) else { return Ok(()) };
            let time = records.time();
            out.collector.at_record(time, records.position());
            let kept = on_error.keep(&value);
            let mut ctx = Context {
                task: &out.task,
                metrics: &out.metrics,
                sides: &mut out.sides,
                time,
                watermark: out.watermark,
            };
            if let Err(error) = call(value, &mut ctx, &mut out.collector) {
                on_error.handle(error, kept, records.site(), &mut out.sides, &out.metrics)?;
            }
        }
        drop(records);
        out.flush()?;
    }
}

/// Runs a [`Process`].
pub(crate) struct ProcessOperator<P: Process, I> {
    pub(super) process: P,
    on_error: OnError<P::In>,
    _inputs: PhantomData<I>,
}

impl<P: Process, I> ProcessOperator<P, I> {
    pub(crate) fn new(process: P, on_error: OnError<P::In>) -> Self {
        Self { process, on_error, _inputs: PhantomData }
    }

    /// Processes a batch of one of the inputs, whose records `wrap` makes into what the function takes.
    fn work<T>(&mut self, input: &mut Batch<T>, wrap: impl Fn(T) -> P::In, out: &mut Output<P::Out>) -> Progress {
        let Self { process, on_error, .. } = self;
        each_record(input, out, (on_error, wrap), |value, ctx, collector| process.process(value, ctx, collector))
    }

    fn life_cycle(
        &mut self,
        out: &mut Output<P::Out>,
        call: impl FnOnce(&mut P, &mut Context<'_>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let mut ctx = Context {
            task: &out.task,
            metrics: &out.metrics,
            sides: &mut out.sides,
            time: crate::time::Timestamp::MIN,
            watermark: out.watermark,
        };
        call(&mut self.process, &mut ctx, &mut out.collector)
            .map_err(|error| Stop::from(TaskError::at(crate::error::Site::default(), Cause::User(error))))
    }
}

impl<P: Process, I: Inputs<P::In>> Operator for ProcessOperator<P, I> {
    type In = I::First;
    type Out = P::Out;

    fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.life_cycle(out, |process, ctx, _| process.open(ctx))
    }

    fn process(&mut self, input: &mut Batch<I::First>, out: &mut Output<P::Out>) -> Progress {
        self.work(input, I::wrap_first, out)
    }

    fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.life_cycle(out, |process, ctx, collector| process.close(ctx, collector))
    }

    fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        operator_state::capture(self.process.operator_states(), &out.task.info, to)
    }

    fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        operator_state::restore(self.process.operator_states(), &out.task.info, from)
    }
}

impl<L: Data, R: Data, P: Process<In = Either<L, R>>> TwoInputOperator for ProcessOperator<P, Two<L, R>> {
    type Second = R;

    fn process_second(&mut self, input: &mut Batch<R>, out: &mut Output<P::Out>) -> Progress {
        self.work(input, Either::Right, out)
    }
}
