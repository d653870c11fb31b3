//! What is made of a typed pattern's matches, as an operator: what `#[operator(cep)]` makes of a function.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use super::found::Match;
use super::operator::Settings;
use super::typed::TypedPattern;
use crate::data::Data;
use crate::operator::{OperatorOptions, OutputTag};
use crate::window::late::Late;

/// A [`PatternProcess`](super::PatternProcess) with the pattern it is for, and what its annotation says of it.
///
/// It can be applied to a stream that is keyed.
///
/// ```
/// # use millstream::cep::{Match, Pattern, PatternContext, PatternOperator, PatternProcess, TypedPattern};
/// # use millstream::operator::OperatorOptions;
/// # use millstream::prelude::*;
/// # fn job<M: TypedPattern<Event = i64>, P: PatternProcess<u8, i64>>(process: P, numbers: KeyedStream<u8, i64>) {
/// let operator = PatternOperator::<P, M>::new(process, OperatorOptions::named("found").uid("found-1"));
/// numbers.apply(operator.late_output(OutputTag::new("late")));
/// # }
/// ```
#[must_use = "an operator does nothing until it is given to `.apply(..)`"]
pub struct PatternOperator<P, M: TypedPattern> {
    pub(crate) process: P,
    pub(crate) options: OperatorOptions<Match<M::Event>>,
    pub(crate) settings: Settings<M::Event>,
    _pattern: PhantomData<fn() -> M>,
}

impl<P, M: TypedPattern<Event: Data>> PatternOperator<P, M> {
    /// Looks for the pattern, and hands what is found to `process`.
    pub fn new(process: P, options: OperatorOptions<Match<M::Event>>) -> Self {
        let settings = Settings { on_error: options.on_error.clone(), ..Settings::default() };
        Self { process, options, settings, _pattern: PhantomData }
    }

    /// Takes events as they come, and limits of time by the clock.
    pub fn processing_time(mut self) -> Self {
        self.settings.processing_time = true;
        self
    }

    /// Sends events that come after the watermark to a side output.
    pub fn late_output(mut self, tag: OutputTag<M::Event>) -> Self {
        self.settings.late = Late::to(Some(tag));
        self
    }

    /// Sends what partial matches hold when their time is over to a side output.
    pub fn timed_out(mut self, tag: OutputTag<Match<M::Event>>) -> Self {
        self.settings.timed_out = Some(tag);
        self
    }

    /// Has events of equal times taken in an order, instead of that in which they come.
    pub fn order(mut self, order: impl Fn(&M::Event, &M::Event) -> Ordering + Send + Sync + 'static) -> Self {
        self.settings.order = Some(Arc::new(order));
        self
    }
}

impl<P, M: TypedPattern> std::fmt::Debug for PatternOperator<P, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatternOperator").field("options", &self.options).finish_non_exhaustive()
    }
}
