//! Keyed operators whose states are fields.

use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, Context, KeyedContext};
use crate::time::Timestamp;

/// What a struct with `#[derive(KeyedOperator)]` does.
///
/// While `process` and `on_timer` run, the fields marked `#[state]` are the states of the record's or timer's key; in
/// `open` and `close` they are empty, since those have no key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does with a record",
    label = "`KeyedProcess` is not implemented for this type",
    note = "add `impl KeyedProcess for {Self} {{ type Key = ..; type In = ..; type Out = ..; fn process(..) .. }}`"
)]
pub trait KeyedProcess: Sized {
    /// What the stream is keyed by.
    type Key: Key;
    /// What comes in.
    type In: Data;
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first record.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each record.
    fn process(
        &mut self,
        value: Self::In,
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
