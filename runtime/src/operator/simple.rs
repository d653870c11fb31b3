//! Map, filter and flat map by closures: no context, no state, no failure.

use super::{Operator, Output, Progress, TwoInputOperator};
use crate::channel::Batch;
use crate::data::Data;

/// One result per record.
pub(crate) struct Map<T, U, F> {
    function: F,
    _types: std::marker::PhantomData<fn(T) -> U>,
}

impl<T, U, F: FnMut(T) -> U> Map<T, U, F> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, _types: std::marker::PhantomData }
    }
}

impl<T: Data, U: Data, F: FnMut(T) -> U + 'static> Operator for Map<T, U, F> {
    type In = T;
    type Out = U;

    fn process(&mut self, input: &mut Batch<T>, out: &mut Output<U>) -> Progress {
        out.map(input, &mut self.function)
    }
}

/// The records for which a predicate holds.
pub(crate) struct Filter<T, F> {
    predicate: F,
    _type: std::marker::PhantomData<fn(T)>,
}

impl<T, F: FnMut(&T) -> bool> Filter<T, F> {
    pub(crate) fn new(predicate: F) -> Self {
        Self { predicate, _type: std::marker::PhantomData }
    }
}

impl<T: Data, F: FnMut(&T) -> bool + 'static> Operator for Filter<T, F> {
    type In = T;
    type Out = T;

    fn process(&mut self, input: &mut Batch<T>, out: &mut Output<T>) -> Progress {
        input.retain(&mut self.predicate);
        std::mem::swap(input, &mut out.collector.batch);
        Ok(())
    }
}

/// Any number of results per record.
pub(crate) struct FlatMap<T, I, F> {
    function: F,
    _types: std::marker::PhantomData<fn(T) -> I>,
}

impl<T, I, F: FnMut(T) -> I> FlatMap<T, I, F> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, _types: std::marker::PhantomData }
    }
}

impl<T, I, F> Operator for FlatMap<T, I, F>
where
    T: Data,
    I: IntoIterator<Item: Data> + 'static,
    F: FnMut(T) -> I + 'static,
{
    type In = T;
    type Out = I::Item;

    fn process(&mut self, input: &mut Batch<T>, out: &mut Output<I::Item>) -> Progress {
        loop {
            out.collector.set_origin(input.origin());
            let mut records = input.consume();
            while !out.is_full() {
                let Some(value) = records.next_value() else { return Ok(()) };
                out.collector.at_record(records.time(), records.position());
                out.collector.extend((self.function)(value));
            }
            drop(records);
            out.flush()?;
        }
    }
}

/// An operator without state for each of two inputs, with one output.
pub(crate) struct Both<A, B> {
    pub(crate) first: A,
    pub(crate) second: B,
}

impl<A: Operator, B: Operator<Out = A::Out>> Operator for Both<A, B> {
    type In = A::In;
    type Out = A::Out;

    fn process(&mut self, input: &mut Batch<A::In>, out: &mut Output<A::Out>) -> Progress {
        self.first.process(input, out)
    }
}

impl<A, B> TwoInputOperator for Both<A, B>
where
    A: Operator<In: Data, Out: Data>,
    B: Operator<In: Data, Out = A::Out>,
{
    type Second = B::In;

    fn process_second(&mut self, input: &mut Batch<B::In>, out: &mut Output<A::Out>) -> Progress {
        self.second.process(input, out)
    }
}
