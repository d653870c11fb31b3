//! Visits of all keys of a subtask.
//!
//! A visit is a cursor: it goes on where an output was full, and until it is done nothing else is processed, so that the numbers
//! of keys hold and no snapshot is taken in the middle.

use super::{KeyedCore, set_now};
use crate::data::Key;
use crate::error::{Cause, Result, Site, TaskError};
use crate::operator::{Collector, Context, KeyedContext, KeyedOperator, Output, Progress, Stop};
use crate::state::{RowId, StateRow, Walk};
use crate::time::Timestamp;

/// A visit of all keys of a subtask.
pub(super) struct Visit {
    walk: Walk,
    /// The rows of the next keys, the last first.
    next: Vec<RowId>,
    /// The event time of the record that has asked for it.
    time: Timestamp,
}

impl<K: Key, P: KeyedOperator<K>> KeyedCore<K, P> {
    /// Begins a visit of all keys that have states.
    pub(crate) fn begin_visit(&mut self, time: Timestamp, out: &Output<P::Out>) -> Progress {
        let walk = self.state.walk(self.now(out)).map_err(Stop::of_state)?;
        self.visit = Some(Visit { walk, next: Vec::new(), time });
        Ok(())
    }

    /// Calls a function for each key of the visit that is under way, if one is; the law of stages holds.
    pub(crate) fn go_on_visiting(
        &mut self,
        out: &mut Output<P::Out>,
        mut call: impl FnMut(&mut P, &mut P::State, &mut KeyedContext<'_, K>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let Some(mut visit) = self.visit.take() else { return Ok(()) };
        let progress = self.go_through(&mut visit, out, &mut call);
        if progress.is_err() {
            self.visit = Some(visit);
        }
        progress
    }

    fn go_through(
        &mut self,
        visit: &mut Visit,
        out: &mut Output<P::Out>,
        call: &mut impl FnMut(&mut P, &mut P::State, &mut KeyedContext<'_, K>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let now = self.now(out);
        loop {
            out.relieve()?;
            while let Some(row) = visit.next.pop() {
                self.visit_row(row, (visit.time, now), out, call)?;
                out.relieve()?;
            }
            self.state.walk_on(&mut visit.walk, &mut visit.next, now).map_err(Stop::of_state)?;
            visit.next.reverse();
            if visit.next.is_empty() {
                return Ok(());
            }
        }
    }

    fn visit_row(
        &mut self,
        row: RowId,
        (time, now): (Timestamp, Timestamp),
        out: &mut Output<P::Out>,
        call: &mut impl FnMut(&mut P, &mut P::State, &mut KeyedContext<'_, K>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        // What a store has may have expired.
        if self.state.rows.get(row).is_vacant() {
            return Ok(());
        }
        let state = self.state.rows.get_mut(row);
        if self.has_ttl {
            set_now(state, now);
        }
        out.collector.at_record(time, None);
        let mut ctx = KeyedContext {
            base: Context {
                task: &out.task,
                metrics: &out.metrics,
                sides: &mut out.sides,
                time,
                watermark: out.watermark,
            },
            firing: None,
            key: self.state.keys.key(row),
            hash: self.state.keys.hash(row),
            timers: &mut self.timers,
        };
        call(&mut self.operator, state, &mut ctx, &mut out.collector).map_err(|error| {
            Stop::from(TaskError::at(Site { event_time: time, ..Site::default() }, Cause::User(error)))
        })?;
        if state.is_vacant() {
            self.state.forget(row);
        }
        Ok(())
    }
}
