//! Looks for a pattern in the events of each key.
//!
//! In event time, events wait in their key's row until the watermark has passed them, and are then taken in order of time, all of
//! a key that are due at once. In processing time they are taken as they come, unless events of equal times have an order.
//!
//! What always holds between calls that ended well: a key for which there is something to do at some time, an event to
//! take or a partial match to give up, is armed for that instant at the latest, and has an entry in the queue there. What
//! has been found and not been emitted yet, since an output was full, is in its key's row, too.

use std::sync::Arc;

use super::codec::PatternCodec;
use super::found::Match;
use super::matching::Ready;
use super::nfa::{Nfa, Scratch};
use super::process::{PatternContext, PatternProcess};
use super::row::{EventOrder, SpareRows};
use crate::Result;
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::{Cause, Site, TaskError, blame};
use crate::operator::keyed::KeySelector;
use crate::operator::{Collector, Context, OnError, Operator, Output, OutputTag, Progress, Stop};
use crate::state::{
    Due, DueKeys, KeyIndex, KeyedEntries, KeyedRows, OperatorCapture, OperatorSnapshot, RowId, StateError, encode,
};
use crate::time::Timestamp;
use crate::window::horizon::Horizon;
use crate::window::late::Late;
use crate::window::unused::UnusedRows;

/// What keys' rows are called in snapshots.
const ROWS: &str = "patterns";
/// The section of keys with the instants that they are armed for.
const SECTION: &str = "pattern-timers";

/// How the pattern is to be looked for.
pub(crate) struct Settings<E> {
    pub(crate) processing_time: bool,
    pub(crate) late: Late<E>,
    pub(crate) timed_out: Option<OutputTag<Match<E>>>,
    pub(crate) order: Option<EventOrder<E>>,
    /// What becomes of matches for which the function fails.
    pub(crate) on_error: OnError<Match<E>>,
}

impl<E: Data> Default for Settings<E> {
    fn default() -> Self {
        Self { processing_time: false, late: Late::to(None), timed_out: None, order: None, on_error: OnError::Fail }
    }
}

impl<E> Clone for Settings<E> {
    fn clone(&self) -> Self {
        let Self { processing_time, late, timed_out, order, on_error } = self;
        Self {
            processing_time: *processing_time,
            late: late.clone(),
            timed_out: *timed_out,
            order: order.clone(),
            on_error: on_error.clone(),
        }
    }
}

/// A pattern with the rows of its keys.
pub(crate) struct PatternRunner<K: Key, E: Data, P> {
    nfa: Arc<Nfa<E>>,
    settings: Settings<E>,
    process: P,
    selector: Arc<dyn KeySelector<E, K>>,
    state: KeyedRows<K, PatternCodec<E>>,
    due: DueKeys<K>,
    horizon: Horizon,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    unused: UnusedRows,
    spare: SpareRows<E>,
    scratch: Scratch,
}

/// A record without an event time.
#[derive(Debug, thiserror::Error)]
#[error(
    "a record without an event time came to a pattern in event time: give the stream a watermark strategy with a timestamp \
     assigner, or look for the pattern in processing time"
)]
struct NoEventTime;

impl<K: Key, E: Data, P: PatternProcess<K, E>> PatternRunner<K, E, P> {
    pub(crate) fn new(
        nfa: Arc<Nfa<E>>,
        settings: Settings<E>,
        process: P,
        selector: Arc<dyn KeySelector<E, K>>,
    ) -> Self {
        Self {
            state: KeyedRows::new(ROWS, PatternCodec(Arc::clone(&nfa))),
            nfa,
            settings,
            process,
            selector,
            due: DueKeys::new(SECTION),
            horizon: Horizon::default(),
            resolved: Vec::new(),
            unused: UnusedRows::default(),
            spare: SpareRows::default(),
            scratch: Scratch::default(),
        }
    }

    /// Puts events to those of their keys that wait.
    fn collect(&mut self, input: &mut Batch<E>, out: &mut Output<P::Out>) -> Progress {
        let has_order = self.settings.order.is_some();
        let mixed = self.horizon.is_mixed();
        let mut watermark = self.horizon.watermark();
        let mut records = input.consume();
        while !out.sides.is_full() {
            let Some(event) = records.next_value() else { break };
            let row = self.resolved[records.index()];
            let time = records.time();
            if !time.is_set() {
                return Err(TaskError::at(records.site(), Cause::User(anyhow::Error::new(NoEventTime))).into());
            }
            if mixed {
                watermark = self.horizon.of_hash(records.hash());
            }
            if time.as_millis() <= watermark {
                self.settings.late.put(event, time, out);
                self.note_if_unused(row);
                continue;
            }
            let kept = self.spare.fill(self.state.rows.get_mut(row));
            kept.wait(time.as_millis(), event, has_order);
            if time.as_millis() < kept.armed {
                kept.armed = time.as_millis();
                self.due.push(kept.armed, row, (records.hash(), self.state.keys.key(row)));
            }
        }
        Ok(())
    }

    /// Takes events as they come.
    fn take_now(&mut self, input: &mut Batch<E>, out: &mut Output<P::Out>) -> Progress {
        let now = out.task.clock.now().as_millis();
        let mut records = input.consume();
        while !out.is_full() {
            let Some(event) = records.next_value() else { break };
            let row = self.resolved[records.index()];
            let kept = self.spare.fill(self.state.rows.get_mut(row));
            if self.settings.order.is_some() {
                // Others may come in the same millisecond.
                kept.wait(now.saturating_add(1), event, true);
                self.rearm(row);
                continue;
            }
            let taken = self
                .nfa
                .advance(&mut kept.matching, now, &mut self.scratch)
                .and_then(|()| self.nfa.process(&mut kept.matching, event, now, &*out.task.clock, &mut self.scratch));
            self.rearm(row);
            taken.map_err(|error| failed(records.site(), error))?;
            let emitted = emit(&self.nfa, &mut self.process, &self.settings, (&mut self.state, row), out);
            self.rearm(row);
            if emitted.is_err() {
                // With this record gone, the call may not be repeated.
                self.wake(out);
                return emitted;
            }
        }
        Ok(())
    }

    /// Takes the events that are due, gives up the partial matches whose time is over, and emits what is found.
    fn work_off(&mut self, now: i64, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, due)) = self.due.pop_due(now) {
            let row = match due {
                Due::Row(row) => row,
                Due::Key(hash, key) => {
                    self.state.make_room(Timestamp::MIN).map_err(Stop::of_state)?;
                    self.state.find_or_load(hash, &key, Timestamp::MIN).map_err(Stop::of_state)?
                }
            };
            if self.state.rows.get(row).as_ref().is_none_or(|kept| kept.armed != at) {
                continue;
            }
            // Its entry is gone, so the next one is due also if it is for the same instant.
            self.disarm(row);
            let done = self.visit(row, now, out);
            self.rearm(row);
            done?;
            out.relieve()?;
        }
        Ok(())
    }

    fn visit(&mut self, row: RowId, now: i64, out: &mut Output<P::Out>) -> Progress {
        loop {
            emit(&self.nfa, &mut self.process, &self.settings, (&mut self.state, row), out)?;
            let kept = self.spare.fill(self.state.rows.get_mut(row));
            let next = kept.next_waiting(now, self.settings.order.as_ref());
            let Some((time, event)) = next else {
                let given_up = self.nfa.advance(&mut kept.matching, now, &mut self.scratch);
                given_up.map_err(|error| failed(at_time(now), error))?;
                kept.shrink();
                return emit(&self.nfa, &mut self.process, &self.settings, (&mut self.state, row), out);
            };
            let _blame = blame::Firing(Timestamp::from_millis(time));
            self.nfa
                .take(&mut kept.matching, (event, time), &*out.task.clock, &mut self.scratch)
                .map_err(|error| failed(at_time(time), error))?;
        }
    }

    fn disarm(&mut self, row: RowId) {
        self.spare.fill(self.state.rows.get_mut(row)).armed = i64::MAX;
    }

    /// Arms a key for when there is something to do next, or gives its row up if nothing is left.
    fn rearm(&mut self, row: RowId) {
        let Some(kept) = self.state.rows.get(row) else { return };
        let next = kept.next_due();
        if kept.is_vacant() {
            self.spare.give_up(self.state.rows.get_mut(row));
            self.note_if_unused(row);
        } else if next != kept.armed {
            self.spare.fill(self.state.rows.get_mut(row)).armed = next;
            if next != i64::MAX {
                self.due.push(next, row, (self.state.keys.hash(row), self.state.keys.key(row)));
            }
        }
    }

    #[inline]
    fn note_if_unused(&mut self, row: RowId) {
        if !self.state.is_cached() && self.state.rows.get(row).is_none() {
            self.unused.note(row);
        }
    }

    /// Forgets keys of which nothing has been kept for a while.
    fn forget_unused(&mut self, turn: impl FnOnce(&mut UnusedRows, &mut KeyIndex<K>, &dyn Fn(RowId) -> bool)) {
        let KeyedRows { keys, rows, .. } = &mut self.state;
        turn(&mut self.unused, keys, &|row| rows.get(row).is_some());
    }

    fn wake(&self, out: &Output<P::Out>) {
        if self.settings.processing_time
            && let Some(next) = self.due.next()
        {
            out.task.wake_at(Timestamp::from_millis(next));
        }
    }

    fn life_cycle(
        &mut self,
        out: &mut Output<P::Out>,
        call: impl FnOnce(&mut P, &mut Context<'_>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let time = Timestamp::MIN;
        let mut ctx = context(&out.task, &out.metrics, &mut out.sides, (time, out.watermark));
        call(&mut self.process, &mut ctx, &mut out.collector).map_err(|error| failed(Site::default(), error))
    }
}

fn context<'a>(
    task: &'a crate::operator::TaskContext,
    metrics: &'a crate::observe::OperatorMetrics,
    sides: &'a mut crate::operator::SideOutputs,
    (time, watermark): (Timestamp, Timestamp),
) -> Context<'a> {
    Context { task, metrics, sides, time, watermark }
}

/// Emits what has been found for a key.
#[inline]
fn emit<K: Key, E: Data, P: PatternProcess<K, E>>(
    nfa: &Nfa<E>,
    process: &mut P,
    settings: &Settings<E>,
    (state, row): (&mut KeyedRows<K, PatternCodec<E>>, RowId),
    out: &mut Output<P::Out>,
) -> Progress {
    let KeyedRows { keys, rows, .. } = state;
    if rows.get(row).as_ref().is_none_or(|kept| kept.matching.ready.is_empty()) {
        return Ok(());
    }
    let Some(kept) = rows.get_mut(row) else { return Ok(()) };
    let matching = &mut Arc::make_mut(kept).matching;
    while let Some(Ready { node, time, is_match }) = matching.ready.pop_front() {
        let found = nfa.found(matching, node);
        matching.buffer.release(node);
        let match_time = Timestamp::from_millis(time);
        // In processing time, results have no event time.
        let time = if settings.processing_time { Timestamp::MIN } else { match_time };
        if is_match {
            let _blame = blame::Firing(match_time);
            out.collector.at_record(time, None);
            let base = context(&out.task, &out.metrics, &mut out.sides, (time, out.watermark));
            let mut ctx = PatternContext { base, key: keys.key(row), time: match_time };
            let kept = settings.on_error.keep(&found);
            if let Err(error) = process.process(found, &mut ctx, &mut out.collector) {
                let site = Site { event_time: match_time, ..Site::default() };
                settings.on_error.handle(error, kept, site, &mut out.sides, &out.metrics)?;
            }
        } else if let Some(tag) = settings.timed_out {
            out.sides.emit(tag, found, time);
        }
        out.relieve()?;
    }
    Ok(())
}

fn at_time(millis: i64) -> Site {
    Site { event_time: Timestamp::from_millis(millis), ..Site::default() }
}

#[cold]
fn failed(site: Site, error: anyhow::Error) -> Stop {
    TaskError::at(site, Cause::User(error)).into()
}

impl<K: Key, E: Data, P: PatternProcess<K, E>> Operator for PatternRunner<K, E, P> {
    type In = E;
    type Out = P::Out;

    fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        self.due.name_keys(self.state.is_cached());
        self.wake(out);
        self.life_cycle(out, |process, ctx, _| process.open(ctx))
    }

    fn process(&mut self, input: &mut Batch<E>, out: &mut Output<P::Out>) -> Progress {
        out.collector.forget_record();
        while !input.is_empty() {
            if self.settings.processing_time {
                let now = out.task.clock.now().as_millis();
                self.work_off(now, out)?;
            }
            if input.hashes().is_empty() {
                self.selector.hash(input);
            }
            self.state.make_room(Timestamp::MIN).map_err(Stop::of_state)?;
            self.selector.resolve(input, &mut self.state.keys, &mut self.resolved);
            self.state.load(&self.resolved, Timestamp::MIN).map_err(Stop::of_state)?;
            if self.settings.processing_time {
                self.take_now(input, out)?;
            } else {
                self.collect(input, out)?;
            }
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.forget_unused(|unused, keys, is_used| unused.relieve(keys, is_used));
        self.wake(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<P::Out>) -> Progress {
        if !self.settings.processing_time {
            self.work_off(watermark.as_millis(), out)?;
            self.horizon.advance(watermark.as_millis());
            self.forget_unused(|unused, keys, is_used| unused.turn(keys, is_used));
        }
        Ok(())
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        if self.settings.processing_time {
            self.work_off(now.as_millis(), out)?;
            self.forget_unused(|unused, keys, is_used| unused.turn(keys, is_used));
            self.wake(out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Output<P::Out>) -> Progress {
        // What has been found, and no output had room for.
        self.work_off(i64::MIN, out)
    }

    fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.life_cycle(out, |process, ctx, collector| process.close(ctx, collector))
    }

    fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(&out.task.info, to)?;
        self.state.snapshot(&out.task, to)?;
        self.due.snapshot(&out.task.info, to);
        if !self.state.is_cached() {
            // A store that this is restored to reads no row before it is needed.
            let (keys, rows) = (self.state.keys.freeze(), self.state.rows.freeze());
            let groups = out.task.info.key_groups();
            to.defer(move |to| {
                let entries: KeyedEntries = keys.encode(&rows, groups, |key, row, bytes| match row {
                    Some(kept) if kept.armed != i64::MAX => encode(&(Timestamp::from_millis(kept.armed), key), bytes),
                    _ => Ok(()),
                })?;
                to.extend_keyed(SECTION, entries);
                Ok(())
            });
        }
        Ok(())
    }

    fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.horizon.restore(&out.task.info, from)?;
        self.state.restore(&out.task, from)?;
        self.due.name_keys(self.state.is_cached());
        self.due.restore(&out.task.info, from)?;
        if !self.state.is_cached() {
            for row in 0..self.state.rows.len() as RowId {
                if let Some(kept) = self.state.rows.get(row)
                    && kept.armed != i64::MAX
                {
                    self.due.push(kept.armed, row, (self.state.keys.hash(row), self.state.keys.key(row)));
                }
            }
        }
        Ok(())
    }
}
