//! Runs windows that are kept key by key: sessions, global windows, and any windows with a trigger.
//!
//! What always holds between calls that ended well: a window that is to fire or to be dropped has an entry in the queue
//! of its time at or before that instant, and so has each timer of a trigger. Queues are built anew from the windows
//! when state is restored.
//!
//! In processing time, a record's time is the clock's, and no record is late.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::TimeWindow;
use super::assigner::{Gap, Kind, millis};
use super::cell::{Cell, Cells, Ending, NEVER, Triggered, find_or_insert};
use super::custom::AssignerContext;
use super::due::{DueQueue, DueQueues};
use super::function::{WindowFunction, WindowLogic};
use super::horizon::Horizon;
use super::late::{Late, no_event_time};
use super::trigger::{AnyTrigger, TriggerResult};
use super::unused::UnusedRows;
use crate::channel::Batch;
use crate::data::Key;
use crate::error::{Cause, Site, TaskError};
use crate::operator::keyed::KeySelector;
use crate::operator::{Operator, Output, Progress, Stop};
use crate::state::{KeyIndex, OperatorCapture, OperatorSnapshot, Pages, RowId, StateError};
use crate::time::Timestamp;

/// What the windows are, as the user asked for them.
pub(crate) struct Settings<T> {
    pub(crate) kind: Kind<T>,
    pub(crate) ending: Ending,
    /// `None` to fire at the window's end.
    pub(crate) trigger: Option<Arc<dyn AnyTrigger<T>>>,
    pub(crate) late: Late<T>,
}

/// Windows kept key by key.
pub(crate) struct CellWindows<K: Key, L: WindowLogic<K>> {
    pub(super) settings: Settings<L::In>,
    pub(super) function: WindowFunction<K, L>,
    selector: Arc<dyn KeySelector<L::In, K>>,
    pub(super) keys: KeyIndex<K>,
    pub(super) rows: Pages<Cells<L::Acc>>,
    pub(super) queues: DueQueues,
    pub(super) horizon: Horizon,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// The windows of the record at hand, if the user assigns them.
    assigned: Vec<TimeWindow>,
    pub(super) unused: UnusedRows,
}

/// A record's place: its key and its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) row: RowId,
    /// How far the time that windows go by has come for the key, as far as that makes records late.
    pub(super) watermark: i64,
    /// How far event time has come for the key.
    pub(super) reached: i64,
    /// The time that windows go by.
    pub(super) time: Timestamp,
    /// The record's own.
    pub(super) event_time: Timestamp,
}

/// A session's gap that is none.
#[derive(Debug, thiserror::Error)]
#[error("the session gap of a record is {given:?}: it must be at least one millisecond")]
struct NoGap {
    given: Duration,
}

impl<K: Key, L: WindowLogic<K>> CellWindows<K, L> {
    pub(crate) fn new(
        settings: Settings<L::In>,
        selector: Arc<dyn KeySelector<L::In, K>>,
        function: WindowFunction<K, L>,
    ) -> Self {
        Self {
            settings,
            function,
            selector,
            keys: KeyIndex::default(),
            rows: Pages::default(),
            queues: DueQueues::default(),
            horizon: Horizon::default(),
            resolved: Vec::new(),
            assigned: Vec::new(),
            unused: UnusedRows::default(),
        }
    }

    pub(super) fn grow_rows(&mut self) {
        self.rows.grow_to(self.keys.row_count(), Cells::new);
    }

    fn run(&mut self, input: &mut Batch<L::In>, out: &mut Output<L::Out>) -> Progress {
        let by_clock = self.settings.ending.processing_time;
        let needs_time = !by_clock && !matches!(self.settings.kind, Kind::Global);
        let asks_clock = by_clock || matches!(self.settings.kind, Kind::Custom(_));
        let now = if asks_clock { out.task.clock.now() } else { Timestamp::MIN };
        let mixed = self.horizon.is_mixed();
        let mut watermark = self.horizon.watermark();
        let plain_gap = match &self.settings {
            Settings { kind: Kind::Session(Gap::Fixed(gap)), trigger: None, .. } => Some(*gap),
            _ => None,
        };
        let mut records = input.consume();
        while !out.is_full() {
            let Some(mut value) = records.next_value() else { break };
            let mut row = self.resolved[records.index()];
            let mut time = if by_clock { now } else { records.time() };
            if let Some(gap) = plain_gap {
                // Most records extend a session that is to fire later: then nothing but the session changes.
                while let Some(session) = last_around(self.rows.get_mut(row), time) {
                    session.window = session.window.extended(time.as_millis().saturating_add(gap));
                    add_value(&self.function.logic, session, value, records.time());
                    let Some(next) = records.next_value() else { return Ok(()) };
                    value = next;
                    row = self.resolved[records.index()];
                    time = if by_clock { now } else { records.time() };
                }
            }
            if needs_time && !time.is_set() {
                return Err(no_event_time(records.site()));
            }
            if mixed {
                watermark = self.horizon.of_hash(records.hash());
            }
            // By the clock, no record is late, whatever the watermark is.
            let reached = if by_clock { out.watermark.as_millis() } else { watermark };
            let arrival = Arrival { row, watermark, reached, time, event_time: records.time() };
            match &self.settings.kind {
                Kind::Session(gap) => {
                    let gap = match gap {
                        Gap::Fixed(gap) => *gap,
                        Gap::Dynamic(gap) => checked_gap(gap(&value)).map_err(|error| misled(error, records.site()))?,
                    };
                    self.add_to_session(value, gap, arrival, out)?;
                }
                Kind::Regular(grid) => {
                    let grid = *grid;
                    self.add_to_regular(value, grid, arrival, out)?;
                }
                Kind::Global => {
                    let index = find_or_insert(self.rows.get_mut(row), TimeWindow::GLOBAL);
                    self.add(value, arrival, index, out)?;
                }
                Kind::Custom(custom) => {
                    let ctx = AssignerContext { time: arrival.event_time, now };
                    let mut windows = std::mem::take(&mut self.assigned);
                    custom.assign(&value, &ctx, &mut windows).map_err(|error| misled(error, records.site()))?;
                    if custom.merges {
                        self.merge_into(value, &windows, arrival, out)?;
                    } else {
                        self.add_to_each(value, windows.iter().copied(), arrival, out)?;
                    }
                    self.assigned = windows;
                }
            }
        }
        Ok(())
    }

    /// Adds a record to a window, and fires that if it is time.
    #[inline]
    pub(super) fn add(&mut self, value: L::In, arrival: Arrival, index: usize, out: &mut Output<L::Out>) -> Progress {
        let ending = self.settings.ending;
        if self.settings.trigger.is_some() {
            return self.add_triggered(value, arrival, index, out);
        }
        let Arrival { row, watermark, event_time, .. } = arrival;
        let cell = &mut self.rows.get_mut(row)[index];
        add_value(&self.function.logic, cell, value, event_time);
        cell.pending = ending.end_of(cell.window) > watermark;
        let queue = own_queue(&mut self.queues, ending);
        cell.arm(ending, row, queue);
        if !cell.pending {
            return fire_cell(&mut self.function, self.keys.key(row), cell, false, out);
        }
        Ok(())
    }

    #[inline(never)]
    fn add_triggered(&mut self, value: L::In, arrival: Arrival, index: usize, out: &mut Output<L::Out>) -> Progress {
        let Some(trigger) = &self.settings.trigger else { return Ok(()) };
        let Arrival { row, reached, event_time, .. } = arrival;
        let ending = self.settings.ending;
        let cell = &mut self.rows.get_mut(row)[index];
        cell.arm(ending, row, own_queue(&mut self.queues, ending));
        let triggered = cell.triggered.get_or_insert_with(|| Triggered::new(trigger.blank()));
        let (state, mut ctx) = triggered.parts((cell.window, row), reached, &mut self.queues, &out.task);
        let result = trigger.on_element(&value, event_time, state, &mut ctx);
        add_value(&self.function.logic, cell, value, event_time);
        self.obey(result, row, index, out)
    }

    /// Does what a trigger has decided.
    fn obey(&mut self, result: TriggerResult, row: RowId, index: usize, out: &mut Output<L::Out>) -> Progress {
        let cells = self.rows.get_mut(row);
        let cell = &mut cells[index];
        let is_endless = self.settings.ending.end_of(cell.window) == NEVER;
        if result.fires() {
            fire_cell(&mut self.function, self.keys.key(row), cell, result.purges(), out)?;
        }
        if result.purges() {
            cell.acc = None;
            if is_endless {
                cell.firings = 0;
            }
        }
        // Nothing else will ever drop a window without an end, so it goes with its contents.
        if is_endless && cell.acc.is_none() && cell.triggered.as_deref().is_none_or(Triggered::is_bare) {
            cells.remove(index);
            self.unused.note(row);
        }
        Ok(())
    }

    /// Looks at what is due in the windows' own time, and at the triggers' timers, up to these instants.
    fn work_off(&mut self, in_event_time: bool, now: i64, out: &mut Output<L::Out>) -> Progress {
        loop {
            out.relieve()?;
            let queue = if in_event_time { &mut self.queues.event } else { &mut self.queues.processing };
            let Some((at, row)) = queue.pop_due(now) else { break };
            if self.settings.trigger.is_some() {
                self.call_timers(in_event_time, at, row, out)?;
            }
            if in_event_time != self.settings.ending.processing_time {
                self.end_windows(at, row, out)?;
            }
            if self.rows.get(row).is_empty() {
                self.unused.note(row);
            }
        }
        Ok(())
    }

    fn call_timers(&mut self, in_event_time: bool, at: i64, row: RowId, out: &mut Output<L::Out>) -> Progress {
        let Some(trigger) = self.settings.trigger.clone() else { return Ok(()) };
        let watermark = out.watermark.as_millis().max(self.horizon.watermark());
        // From the last on, so that removing a window does not move those still to be looked at.
        for index in (0..self.rows.get(row).len()).rev() {
            let cell = &mut self.rows.get_mut(row)[index];
            let Some(triggered) = &mut cell.triggered else { continue };
            let set = if in_event_time { &mut triggered.timers.event } else { &mut triggered.timers.processing };
            let Some(found) = set.iter().position(|timer| *timer == at) else { continue };
            set.remove(found);
            let (state, mut ctx) = triggered.parts((cell.window, row), watermark, &mut self.queues, &out.task);
            let result = if in_event_time {
                trigger.on_event_time(Timestamp::from_millis(at), state, &mut ctx)
            } else {
                trigger.on_processing_time(Timestamp::from_millis(at), state, &mut ctx)
            };
            self.obey(result, row, index, out)?;
        }
        Ok(())
    }

    /// Fires and drops the windows of a row that have an entry at `at`; those that are due later are armed again.
    fn end_windows(&mut self, at: i64, row: RowId, out: &mut Output<L::Out>) -> Progress {
        let ending = self.settings.ending;
        for index in (0..self.rows.get(row).len()).rev() {
            let cells = self.rows.get_mut(row);
            let cell = &mut cells[index];
            if cell.armed != at || at == NEVER {
                continue;
            }
            cell.armed = NEVER;
            if cell.pending && ending.end_of(cell.window) <= at {
                cell.pending = false;
                let is_last = ending.lateness == 0;
                fire_cell(&mut self.function, self.keys.key(row), cell, is_last, out)?;
            }
            if ending.over_at(cell.window) <= at {
                let mut over = cells.remove(index);
                if let (Some(triggered), Some(trigger)) = (&mut over.triggered, &self.settings.trigger) {
                    let place = (over.window, row);
                    let watermark = out.watermark.as_millis();
                    let (state, mut ctx) = triggered.parts(place, watermark, &mut self.queues, &out.task);
                    trigger.clear(state, &mut ctx);
                }
                self.function.clear(self.keys.key(row), (over.window, over.firings), out)?;
            } else {
                cell.arm(ending, row, own_queue(&mut self.queues, ending));
            }
        }
        Ok(())
    }

    fn wake(&self, out: &Output<L::Out>) {
        if let Some(next) = self.queues.processing.next() {
            out.task.wake_at(Timestamp::from_millis(next));
        }
    }
}

/// The queue of the windows' own time.
#[inline]
pub(super) fn own_queue(queues: &mut DueQueues, ending: Ending) -> &mut DueQueue {
    if ending.processing_time { &mut queues.processing } else { &mut queues.event }
}

/// The last session, if it is still to fire and the record is in it or starts where it ends.
#[inline]
fn last_around<A>(sessions: &mut Cells<A>, time: Timestamp) -> Option<&mut Cell<A>> {
    let last = sessions.last_mut()?;
    (last.pending && last.window.start() <= time && time <= last.window.end()).then_some(last)
}

#[inline]
fn add_value<K, L: WindowLogic<K>>(logic: &L, cell: &mut Cell<L::Acc>, value: L::In, time: Timestamp) {
    match &mut cell.acc {
        Some(acc) => logic.add_at(acc, value, time),
        vacant => *vacant = Some(logic.start_at(value, time)),
    }
}

/// Emits the result of a window, unless it is empty. With `is_last`, its contents go with it.
fn fire_cell<K: Key, L: WindowLogic<K>>(
    function: &mut WindowFunction<K, L>,
    key: &K,
    cell: &mut Cell<L::Acc>,
    is_last: bool,
    out: &mut Output<L::Out>,
) -> Progress {
    let firing = (cell.window, cell.firings);
    if is_last {
        let Some(acc) = cell.acc.take() else { return Ok(()) };
        cell.firings += 1;
        return function.fire(key, Cow::Owned(acc), firing, out);
    }
    let Some(acc) = &mut cell.acc else { return Ok(()) };
    cell.firings += 1;
    let fired = function.fire_kept(key, acc, firing, out);
    if function.logic.is_void(acc) {
        cell.acc = None;
    }
    fired
}

fn checked_gap(gap: Duration) -> Result<i64, NoGap> {
    if gap < Duration::from_millis(1) { Err(NoGap { given: gap }) } else { Ok(millis(gap)) }
}

/// What the user's code says of a record cannot be.
#[cold]
fn misled(error: impl std::error::Error + Send + Sync + 'static, site: Site) -> Stop {
    TaskError::at(site, Cause::User(anyhow::Error::new(error))).into()
}

impl<K: Key, L: WindowLogic<K>> Operator for CellWindows<K, L> {
    type In = L::In;
    type Out = L::Out;

    fn open(&mut self, out: &mut Output<L::Out>) -> Progress {
        self.wake(out);
        self.function.open(out)
    }

    fn process(&mut self, input: &mut Batch<L::In>, out: &mut Output<L::Out>) -> Progress {
        out.collector.forget_record();
        while !input.is_empty() {
            if input.hashes().is_empty() {
                self.selector.hash(input);
            }
            self.selector.resolve(input, &mut self.keys, &mut self.resolved);
            self.grow_rows();
            self.run(input, out)?;
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.unused.relieve(&mut self.keys, |row| !self.rows.get(row).is_empty());
        self.function.logic.tend(&out.task);
        self.wake(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<L::Out>) -> Progress {
        self.work_off(true, watermark.as_millis(), out)?;
        if !self.settings.ending.processing_time {
            self.horizon.advance(watermark.as_millis());
        }
        self.unused.turn(&mut self.keys, |row| !self.rows.get(row).is_empty());
        Ok(())
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<L::Out>) -> Progress {
        self.work_off(false, now.as_millis(), out)?;
        self.unused.turn(&mut self.keys, |row| !self.rows.get(row).is_empty());
        self.wake(out);
        Ok(())
    }

    fn close(&mut self, out: &mut Output<L::Out>) -> Progress {
        self.function.close(out)
    }

    fn snapshot(&mut self, out: &Output<L::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.function.logic.snapshot(&out.task, to)?;
        self.write(&out.task.info, to)
    }

    fn restore(&mut self, out: &Output<L::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.function.logic.restore(&out.task, from)?;
        self.read(&out.task.info, from)
    }
}
