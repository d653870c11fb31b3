//! Keyed operators on two streams whose states are fields.

use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, Context, KeyedContext};
use crate::time::Timestamp;

/// What a struct with `#[derive(KeyedOperator)]` and `#[operator(connect)]` does.
///
/// While `process_left`, `process_right` and `on_timer` run, the fields marked `#[state]` are the states of the record's or
/// timer's key; in `open` and `close` they are empty, since those have no key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does with a record of either stream",
    label = "`KeyedCoProcess` is not implemented for this type",
    note = "add `impl KeyedCoProcess for {Self} {{ type Key = ..; type Left = ..; type Right = ..; type Out = ..; fn process_left(..) .. fn process_right(..) .. }}`, or leave `connect` out"
)]
pub trait KeyedCoProcess: Sized {
    /// What both streams are keyed by.
    type Key: Key;
    /// The records of the left stream.
    type Left: Data;
    /// The records of the right stream.
    type Right: Data;
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record of the left stream.
    fn process_left(
        &mut self,
        value: Self::Left,
        ctx: &mut KeyedContext<'_, Self::Key>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called for each record of the right stream.
    fn process_right(
        &mut self,
        value: Self::Right,
        ctx: &mut KeyedContext<'_, Self::Key>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that is due, in order of time. Results have the time of a timer in event time, and no event
    /// time after one in processing time.
    fn on_timer(
        &mut self,
        _at: Timestamp,
        _ctx: &mut KeyedContext<'_, Self::Key>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        Ok(())
    }

    /// Called once in each subtask after the last record and timer; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}
