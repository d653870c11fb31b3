//! What the macros' expansions call. Not part of the API: it may change in any release.

use crate::Result;
use crate::cep::{Match, MatchContext, Verdict};
use crate::data::Data;
use crate::operator::{ApplyTo, Collector, Either, KeyedCoProcess, KeyedContext, OperatorOptions};
use crate::state::{OperatorState, OperatorStates, StateSpec};
use crate::stream::Stream;

pub use crate::__global_allocator as global_allocator;
pub use crate::cep::typed::{group, optional_group, rounds};
#[cfg(feature = "mimalloc")]
pub use mimalloc::MiMalloc;

/// Emits a record if a predicate held for it.
#[inline]
pub fn emit_if<T>(holds: bool, value: T, out: &mut Collector<T>) {
    if holds {
        out.emit(value);
    }
}

/// A name or uid, from whatever holds text.
pub fn text(text: &(impl AsRef<str> + ?Sized)) -> String {
    text.as_ref().to_owned()
}

/// Operator states with their names, in order.
pub fn operator_states<'a, const N: usize>(
    specs: &[StateSpec],
    states: [&'a mut dyn OperatorState; N],
) -> OperatorStates<'a> {
    specs.iter().cloned().zip(states).collect()
}

/// Hands a record to the function for its stream.
#[inline]
pub fn co_process<P: KeyedCoProcess>(
    operator: &mut P,
    record: Either<P::Left, P::Right>,
    ctx: &mut KeyedContext<'_, P::Key>,
    out: &mut Collector<P::Out>,
) -> Result<()> {
    match record {
        Either::Left(left) => operator.process_left(left, ctx, out),
        Either::Right(right) => operator.process_right(right, ctx, out),
    }
}

/// Gives the last operator of a windowed stream its name and what else its annotation says.
pub fn with_options<T: Data>(mut stream: Stream<T>, options: OperatorOptions<T>) -> Stream<T> {
    if let Some(name) = options.name {
        stream = stream.name(&name);
    }
    if let Some(uid) = options.uid {
        stream = stream.uid(&uid);
    }
    if let Some(parallelism) = options.parallelism {
        stream = stream.parallelism(parallelism);
    }
    stream
}

/// A condition on what an event of one kind holds.
pub fn of_kind<E, S: ?Sized, V: Verdict>(
    extract: impl for<'a> Fn(&'a E) -> Option<&'a S> + Send + Sync + 'static,
    condition: impl Fn(&S) -> V + Send + Sync + 'static,
) -> impl Fn(&E) -> Result<bool> + Send + Sync + 'static {
    move |event| extract(event).map_or(Ok(false), |held| condition(held).into_result())
}

/// A condition on what an event of one kind holds, and on what the partial match holds so far.
pub fn of_kind_with<E, S: ?Sized, V: Verdict>(
    extract: impl for<'a> Fn(&'a E) -> Option<&'a S> + Send + Sync + 'static,
    condition: impl Fn(&S, &MatchContext<'_, E>) -> V + Send + Sync + 'static,
) -> impl Fn(&E, &MatchContext<'_, E>) -> Result<bool> + Send + Sync + 'static {
    move |event, so_far| extract(event).map_or(Ok(false), |held| condition(held, so_far).into_result())
}

/// What events of one kind hold.
pub fn held<E, S>(events: Vec<E>, extract: impl Fn(E) -> Option<S>) -> Vec<S> {
    events.into_iter().filter_map(extract).collect()
}

/// What the event of a stage holds, if the stage has matched.
pub fn held_first<E, S>(found: &mut Match<E>, stage: &str, extract: impl Fn(E) -> Option<S>) -> Option<S> {
    found.take_first(stage).and_then(extract)
}

/// What the one event of a stage holds.
pub fn held_one<E, S>(found: &mut Match<E>, stage: &str, extract: impl Fn(E) -> Option<S>) -> Result<S> {
    let held = extract(found.take_one(stage)?);
    held.ok_or_else(|| {
        anyhow::anyhow!("the event of stage `{stage}` is of another kind: the pattern takes one kind only")
    })
}

/// Stands in for an expression that could not be made of a wrong annotation. Never called: there is an error, too.
pub fn unfinished<T>() -> T {
    unreachable!("an annotation with an error does not compile")
}

/// Stands in for an operator whose annotation is wrong, so that the error there is the only one.
#[derive(Debug)]
pub struct Unfinished;

impl<S> ApplyTo<S> for Unfinished {
    type Output = S;

    fn apply_to(self, stream: S) -> S {
        stream
    }
}

/// Installs the allocator that jobs do best with, if the feature `mimalloc` is on.
#[cfg(feature = "mimalloc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __global_allocator {
    () => {
        #[global_allocator]
        static GLOBAL_ALLOCATOR: $crate::__private::MiMalloc = $crate::__private::MiMalloc;
    };
}

/// Installs the allocator that jobs do best with, if the feature `mimalloc` is on.
#[cfg(not(feature = "mimalloc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __global_allocator {
    () => {};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ListState;

    #[test]
    fn only_a_record_for_which_the_predicate_holds_is_emitted() {
        let mut out = Collector::new();
        emit_if(true, 1, &mut out);
        emit_if(false, 2, &mut out);
        assert_eq!(out.batch.values(), [1]);
    }

    #[test]
    fn operator_states_keep_their_order() {
        let (mut first, mut second) = (ListState::<u64>::default(), ListState::<String>::default());
        let specs = [StateSpec::new("first"), StateSpec::new("second")];
        let states = operator_states(&specs, [&mut first, &mut second]);
        assert_eq!(states.iter().map(|(spec, _)| spec.name).collect::<Vec<_>>(), ["first", "second"]);
    }
}
