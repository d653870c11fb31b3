//! A keyed operator with its keys, rows and timers, whatever its inputs.

mod visit;

use super::{KeySelector, KeyedOperator};
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::process::OnError;
use crate::operator::{Collector, Context, KeyedContext, Output, Progress, Stop, TimeDomain};
use crate::state::timers::Timers;
use crate::state::{
    KeyedRows, OperatorCapture, OperatorSnapshot, RowId, State, StateError, StateRow, StatesCodec, Sweep, Ttl,
    operator_state,
};
use crate::time::Timestamp;

/// How many records ahead of its use a row is brought into the cache.
pub(crate) const ROWS_AHEAD: usize = 16;

/// A keyed operator with its keys, rows and timers.
pub(crate) struct KeyedCore<K: Key, P: KeyedOperator<K>> {
    pub(crate) operator: P,
    on_error: OnError<P::In>,
    has_ttl: bool,
    state: KeyedRows<K, StatesCodec<P::State>>,
    sweep: Sweep,
    timers: Timers<K>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// Rows that a call has left without content.
    vacated: Vec<RowId>,
    /// The visit of all keys that is under way.
    visit: Option<visit::Visit>,
}

impl<K: Key, P: KeyedOperator<K>> KeyedCore<K, P> {
    pub(super) fn new(operator: P, on_error: OnError<P::In>) -> Self {
        let specs = operator.states();
        let has_ttl = specs.iter().filter_map(|spec| spec.ttl).any(|ttl: Ttl| ttl.is_enabled());
        let sweep = Sweep::of(&specs);
        let state = KeyedRows::new("rows", StatesCodec::new(operator.new_state(), specs));
        Self {
            operator,
            on_error,
            has_ttl,
            sweep,
            state,
            timers: Timers::default(),
            resolved: Vec::new(),
            vacated: Vec::new(),
            visit: None,
        }
    }

    /// Gives up the rows that calls have left without content.
    fn release_vacated(&mut self) {
        while let Some(row) = self.vacated.pop() {
            if self.state.rows.get(row).is_vacant() {
                self.state.forget(row);
            }
        }
    }

    /// What time it is, if any state depends on it.
    fn now(&self, out: &Output<P::Out>) -> Timestamp {
        if self.has_ttl { out.task.clock.now() } else { Timestamp::MIN }
    }

    /// Processes a batch of one of the inputs, whose records `wrap` makes into what the operator takes.
    pub(super) fn work<I: Data>(
        &mut self,
        input: &mut Batch<I>,
        selector: &dyn KeySelector<I, K>,
        wrap: impl Fn(I) -> P::In + Copy,
        out: &mut Output<P::Out>,
    ) -> Progress {
        while !input.is_empty() {
            if input.hashes().is_empty() {
                selector.hash(input);
            }
            let now = self.now(out);
            self.state.make_room(now).map_err(Stop::of_state)?;
            selector.resolve(input, &mut self.state.keys, &mut self.resolved);
            self.state.load(&self.resolved, now).map_err(Stop::of_state)?;
            out.set_hurried(self.state.rows.is_frozen());
            self.run(input, wrap, now, out)?;
            self.release_vacated();
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.sweep.turn(&mut self.state, &out.task);
        Ok(())
    }

    /// Works off the batch until it is empty or the output is full.
    #[inline]
    fn run<I>(
        &mut self,
        input: &mut Batch<I>,
        wrap: impl Fn(I) -> P::In,
        now: Timestamp,
        out: &mut Output<P::Out>,
    ) -> Progress {
        let Self { operator, on_error, has_ttl, state, timers, resolved, vacated, .. } = self;
        let (keys, mut rows, has_ttl) = (&state.keys, state.rows.writer(), *has_ttl);
        out.collector.set_origin(input.origin());
        let mut records = input.consume();
        while !out.is_full() {
            let Some(value) = records.next_value().map(&wrap) else { break };
            let row = resolved[records.index()];
            if let Some(ahead) = resolved.get(records.index() + ROWS_AHEAD) {
                rows.prefetch(*ahead);
            }
            let time = records.time();
            out.collector.at_record(time, records.position());
            let kept = on_error.keep(&value);
            let state = rows.get_mut(row);
            if has_ttl {
                set_now(state, now);
            }
            let mut ctx = KeyedContext {
                base: Context {
                    task: &out.task,
                    operator: &out.metrics.name,
                    sides: &mut out.sides,
                    time,
                    watermark: out.watermark,
                },
                firing: None,
                key: keys.key(row),
                hash: records.hash(),
                timers: &mut *timers,
            };
            let done = operator.process(value, state, &mut ctx, &mut out.collector);
            if state.is_vacant() {
                vacated.push(row);
            }
            if let Err(error) = done {
                on_error.handle(error, kept, records.site(), &mut out.sides, &out.metrics)?;
            }
        }
        Ok(())
    }

    /// Fires the timers in event time that are due.
    pub(super) fn fire_event_timers(&mut self, watermark: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.event.pop_due(watermark) {
            self.fire((TimeDomain::EventTime, at), (hash, &key), out)?;
            out.relieve()?;
        }
        Ok(())
    }

    /// Fires the timers in processing time that are due.
    pub(super) fn fire_processing_timers(&mut self, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.processing.pop_due(now) {
            self.fire((TimeDomain::ProcessingTime, at), (hash, &key), out)?;
            out.relieve()?;
        }
        self.wake_for_timers(out);
        Ok(())
    }

    fn wake_for_timers(&self, out: &Output<P::Out>) {
        if let Some(next) = self.timers.processing.next() {
            out.task.wake_at(next);
        }
    }

    pub(super) fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        self.wake_for_timers(out);
        self.without_key(out, |operator, ctx, _| operator.open(ctx))
    }

    pub(super) fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.without_key(out, |operator, ctx, collector| operator.close(ctx, collector))
    }

    pub(super) fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.state.snapshot(&out.task, to)?;
        self.timers.snapshot(out.task.info.key_groups(), to);
        operator_state::capture(self.operator.operator_states(), &out.task.info, to)
    }

    pub(super) fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.state.restore(&out.task, from)?;
        self.timers.restore(out.task.info.key_groups(), from)?;
        operator_state::restore(self.operator.operator_states(), &out.task.info, from)
    }

    fn fire(
        &mut self,
        (domain, at): (TimeDomain, Timestamp),
        (hash, key): (u64, &K),
        out: &mut Output<P::Out>,
    ) -> Progress {
        let now = self.now(out);
        self.state.make_room(now).map_err(Stop::of_state)?;
        let row = self.state.find_or_load(hash, key, now).map_err(Stop::of_state)?;
        let state = self.state.rows.get_mut(row);
        if self.has_ttl {
            set_now(state, now);
        }
        let _blame = blame::Firing(at);
        // An instant of the clock is no event time.
        let event_time = if domain == TimeDomain::EventTime { at } else { Timestamp::MIN };
        out.collector.at_record(event_time, None);
        let mut ctx = KeyedContext {
            base: Context {
                task: &out.task,
                operator: &out.metrics.name,
                sides: &mut out.sides,
                time: at,
                watermark: out.watermark,
            },
            firing: Some(domain),
            key,
            hash,
            timers: &mut self.timers,
        };
        self.operator.on_timer(at, state, &mut ctx, &mut out.collector).map_err(|error| {
            Stop::from(TaskError::at(Site { event_time: at, ..Site::default() }, Cause::User(error)))
        })?;
        if state.is_vacant() {
            self.state.forget(row);
        }
        Ok(())
    }

    /// Calls a function of the operator that knows of no key.
    fn without_key(
        &mut self,
        out: &mut Output<P::Out>,
        call: impl FnOnce(&mut P, &mut Context<'_>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let mut ctx = Context {
            task: &out.task,
            operator: &out.metrics.name,
            sides: &mut out.sides,
            time: Timestamp::MIN,
            watermark: out.watermark,
        };
        call(&mut self.operator, &mut ctx, &mut out.collector)
            .map_err(|error| Stop::from(TaskError::at(Site::default(), Cause::User(error))))
    }
}

fn set_now<R: StateRow>(row: &mut R, now: Timestamp) {
    for state in row.states_mut() {
        State::set_now(state, now);
    }
}

#[cfg(test)]
mod tests;
