//! Operators with state per key.

mod co_process;
mod keyed_core;
mod local;
mod partial;
mod process;
mod rolling;
mod runner;
mod selector;

pub use co_process::KeyedCoProcess;
pub(crate) use keyed_core::ROWS_AHEAD;
pub(crate) use local::{LocalAggregate, LocalSettings};
pub(crate) use partial::{MergePartials, Partial};
pub use process::KeyedProcess;
pub(crate) use rolling::{Rolling, RollingRunner};
pub(crate) use runner::{KeySelectors, KeyedRunner};
pub(crate) use selector::{BorrowedKey, KeySelector, OwnedKey};

use super::{Collector, Context, KeyedContext};
use crate::data::{Data, Key};
use crate::error::Result;
use crate::state::{OperatorStates, StateRow, StateSpec};
use crate::time::Timestamp;

/// An operator on a stream keyed by `K`: what `#[operator(keyed)]` and `#[derive(KeyedOperator)]` implement.
///
/// The states of a key are handed in with each record; the operator itself holds only parameters. Each subtask works
/// on a clone of its own.
///
/// ```
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Count;
///
/// impl<K: Key> KeyedOperator<K> for Count {
///     type In = String;
///     type Out = (String, u64);
///     type State = (Value<u64>,);
///
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("total")]
///     }
///
///     fn new_state(&self) -> Self::State {
///         (Value::default(),)
///     }
///
///     fn process(
///         &mut self,
///         word: String,
///         (total,): &mut Self::State,
///         _ctx: &mut KeyedContext<'_, K>,
///         out: &mut Collector<(String, u64)>,
///     ) -> Result<()> {
///         *total.get_or_default() += 1;
///         out.emit((word, *total.get_or_default()));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operator on a stream keyed by `{K}`",
    label = "this operator does not fit this stream",
    note = "an operator without states of keys fits an unkeyed stream: leave out the `.key_by(..)` before it, or write `#[operator(keyed)]`",
    note = "an operator that names the type of its key fits streams keyed by that type"
)]
pub trait KeyedOperator<K: Key>: Clone + Send + Sync + 'static {
    /// What comes in.
    type In: Data;
    /// What goes out.
    type Out: Data;
    /// The states of one key.
    type State: StateRow;

    /// The states' names and lifetimes, in the order in which they stand in the row.
    fn states(&self) -> Vec<StateSpec>;

    /// The row of a key of which nothing is known.
    fn new_state(&self) -> Self::State;

    /// What a subtask remembers beside its keys, as for [`Process`](super::Process::operator_states).
    fn operator_states(&mut self) -> OperatorStates<'_> {
        Vec::new()
    }

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record.
    fn process(
        &mut self,
        value: Self::In,
        state: &mut Self::State,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that is due, in order of time. Results have the time of a timer in event time, and no event
    /// time after one in processing time.
    fn on_timer(
        &mut self,
        _at: Timestamp,
        _state: &mut Self::State,
        _ctx: &mut KeyedContext<'_, K>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        Ok(())
    }

    /// Called once in each subtask after the last record and timer; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}
