//! Operators with what their annotation says of them, and what streams accept.
//!
//! `#[operator]` makes of a function a constructor that returns an [`Annotated`]; `#[derive(KeyedOperator)]` makes of a
//! struct an associated function `operator` that does. Both only fill in the fields here, so everything an annotation
//! says can be written by hand:
//!
//! ```
//! use millstream::operator::{Annotated, OperatorOptions};
//! use millstream::prelude::*;
//!
//! #[derive(Clone)]
//! struct Above {
//!     limit: i64,
//! }
//!
//! impl Process for Above {
//!     type In = i64;
//!     type Out = i64;
//!     fn process(&mut self, value: i64, _ctx: &mut Context<'_>, out: &mut Collector<i64>) -> Result<()> {
//!         if value > self.limit {
//!             out.emit(value);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! fn above(limit: i64) -> Annotated<Above, i64> {
//!     Annotated { operator: Above { limit }, options: OperatorOptions::named("above").parallelism(2) }
//! }
//! assert_eq!(above(3).options.parallelism, Some(2));
//! ```

use super::{AsyncFunction, AsyncOptions, OnError};

/// An operator with what its annotation says of it. `T` is the type of the records it takes.
#[derive(Debug, Clone)]
#[must_use = "an operator does nothing until it is given to `.apply(..)`"]
pub struct Annotated<P, T> {
    /// The operator itself.
    pub operator: P,
    /// What the annotation says of it.
    pub options: OperatorOptions<T>,
}

/// An asynchronous operator with what its annotation says of it.
#[derive(Debug, Clone)]
#[must_use = "an operator does nothing until it is given to `.apply(..)`"]
pub struct AsyncOperator<F: AsyncFunction> {
    /// The function itself.
    pub function: F,
    /// What its annotation says of any operator.
    pub options: OperatorOptions<F::In>,
    /// How it goes about its requests.
    pub requests: AsyncOptions<F::Out>,
}

/// What an annotation says of an operator beside what the operator does.
pub struct OperatorOptions<T> {
    /// What the operator is called in logs, metrics and plans.
    pub name: Option<String>,
    /// What its state is filed under in snapshots; the name, unless given.
    pub uid: Option<String>,
    /// How many subtasks it has; the job's parallelism, unless given.
    pub parallelism: Option<usize>,
    /// What becomes of a record for which the function fails.
    pub on_error: OnError<T>,
    /// Set if the operator may block: how many records may be in flight at a time.
    pub blocking: Option<usize>,
}

impl<T> OperatorOptions<T> {
    /// Options of an operator of which only the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// Sets what the operator's state is filed under in snapshots.
    #[must_use]
    pub fn uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = Some(uid.into());
        self
    }

    /// Sets how many subtasks the operator has.
    #[must_use]
    pub fn parallelism(mut self, parallelism: usize) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// Sets what becomes of a record for which the function fails.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError<T>) -> Self {
        self.on_error = on_error;
        self
    }

    /// Runs the operator where it may block, with at most `in_flight` records at a time.
    #[must_use]
    pub fn blocking(mut self, in_flight: usize) -> Self {
        self.blocking = Some(in_flight);
        self
    }
}

impl<T> Default for OperatorOptions<T> {
    fn default() -> Self {
        Self { name: None, uid: None, parallelism: None, on_error: OnError::Fail, blocking: None }
    }
}

impl<T> Clone for OperatorOptions<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            uid: self.uid.clone(),
            parallelism: self.parallelism,
            on_error: self.on_error.clone(),
            blocking: self.blocking,
        }
    }
}

impl<T> std::fmt::Debug for OperatorOptions<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorOptions")
            .field("name", &self.name)
            .field("uid", &self.uid)
            .field("parallelism", &self.parallelism)
            .field("on_error", &self.on_error)
            .field("blocking", &self.blocking)
            .finish()
    }
}

/// What `.apply(..)` of a stream of type `S` accepts.
///
/// An [`Annotated`] [`Process`](super::Process) can be applied to a stream, an annotated
/// [`KeyedOperator`](super::KeyedOperator) to a keyed stream, a windowed aggregate to a stream which it keys itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be applied to `{S}`",
    label = "this operator does not fit this stream",
    note = "an operator fits a stream of exactly the type it takes",
    note = "an operator with states of keys (`Value`, `List`, `Map`, ..), or one that takes a `KeyedContext`, needs a keyed stream: put `.key_by(..)` before `.apply(..)`",
    note = "an operator on connected streams takes `Either` of the two",
    note = "an operator without states of keys fits an unkeyed stream: leave out the `.key_by(..)` before it"
)]
pub trait ApplyTo<S> {
    /// The stream of results.
    type Output;

    /// Adds the operator to the job, behind `stream`.
    fn apply_to(self, stream: S) -> Self::Output;
}

/// A function from stream to stream as an operator: several steps under one name.
#[derive(Clone)]
pub struct StreamFn<F>(pub F);

impl<F> std::fmt::Debug for StreamFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamFn(..)")
    }
}

impl<S, O, F: FnOnce(S) -> O> ApplyTo<S> for StreamFn<F> {
    type Output = O;

    fn apply_to(self, stream: S) -> O {
        (self.0)(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_hold_what_was_said_and_nothing_else() {
        let options: OperatorOptions<u64> = OperatorOptions::named("count").uid("c").parallelism(3);
        assert_eq!(
            format!("{options:?}"),
            "OperatorOptions { name: Some(\"count\"), uid: Some(\"c\"), parallelism: Some(3), on_error: Fail, \
             blocking: None }"
        );
    }

    #[test]
    fn a_stream_function_is_applied_to_the_stream() {
        assert_eq!(StreamFn(|stream: u64| stream + 1).apply_to(1), 2);
    }
}
