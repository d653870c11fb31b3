//! Runs tumbling and sliding windows that fire at their end.
//!
//! Each record goes to one pane, found once per run of records that fall into it; a window that fires merges its panes
//! key by key. What always holds between calls that ended well: every window that ends at or before the horizon has
//! fired for every key in it; a pane is kept while a window that it is in may fire.
//!
//! In processing time, a record's time is the clock's, and the horizon trails the clock by a millisecond: a window fires
//! when the clock has left it, so that no record comes late.

use std::borrow::Cow;
use std::sync::Arc;

use imbl::OrdMap;

use super::TimeWindow;
use super::function::{WindowFunction, WindowLogic};
use super::grid::{Grid, Span};
use super::horizon::Horizon;
use super::late::{Late, no_event_time};
use super::panes::{PaneId, Panes};
use crate::channel::Batch;
use crate::channel::batch::Consume;
use crate::data::Key;
use crate::operator::keyed::KeySelector;
use crate::operator::{Operator, Output, Progress};
use crate::state::{KeyIndex, OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::time::Timestamp;

/// What the windows are, as the user asked for them.
pub(crate) struct Settings<T> {
    pub(crate) grid: Grid,
    /// Whether times are the clock's.
    pub(crate) processing_time: bool,
    /// Milliseconds that a window is kept after it has fired; zero in processing time.
    pub(crate) lateness: i64,
    pub(crate) late: Late<T>,
}

/// Consecutive records that are treated alike.
struct Run {
    /// The index of the first record after it.
    end: usize,
    fate: Fate,
}

#[derive(Clone, Copy)]
enum Fate {
    /// Into a pane of windows that have not fired.
    Add(PaneId),
    /// Into a pane, starting at the given time, of windows some of which have fired: those fire again.
    Fire(PaneId, i64),
    /// Too late for all its windows.
    Late,
    /// In a gap between windows.
    Skip,
}

/// How many rows of a window's panes are merged at a time.
const MERGED_ROWS: usize = 1024;

/// The window being fired.
pub(super) struct Cursor<A> {
    pub(super) end: i64,
    panes: Vec<PaneId>,
    pub(super) rows: Arc<[RowId]>,
    /// The index in `rows` to go on from.
    pub(super) next: usize,
    /// What the window holds of the next rows, if it has several panes; a copy, the last row first.
    merged: Vec<Option<A>>,
}

/// Tumbling and sliding windows.
pub(crate) struct AlignedWindows<K: Key, L: WindowLogic<K>> {
    settings: Settings<L::In>,
    function: WindowFunction<K, L>,
    selector: Arc<dyn KeySelector<L::In, K>>,
    pub(super) keys: KeyIndex<K>,
    pub(super) panes: Panes<L::Acc>,
    pub(super) horizon: Horizon,
    /// How often windows have fired, by end and row, where that is not once if the row was in it at its end.
    pub(super) firings: OrdMap<(i64, RowId), u32>,
    pub(super) cursor: Option<Cursor<L::Acc>>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    runs: Vec<Run>,
}

impl<K: Key, L: WindowLogic<K>> AlignedWindows<K, L> {
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
            panes: Panes::default(),
            horizon: Horizon::default(),
            firings: OrdMap::new(),
            cursor: None,
            resolved: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Cuts the batch into runs.
    fn plan(&mut self, input: &Batch<L::In>, out: &Output<L::Out>) -> Progress {
        self.runs.clear();
        if self.settings.processing_time {
            let now = out.task.clock.now().as_millis().max(self.horizon.latest().saturating_add(1));
            let span = self.settings.grid.span(now);
            let fate = if span.is_covered { Fate::Add(self.panes.find_or_insert(span.start)) } else { Fate::Skip };
            self.runs.push(Run { end: input.len(), fate });
            return Ok(());
        }
        let mut watermark = self.horizon.watermark();
        let mixed = self.horizon.is_mixed();
        let times = input.times();
        let mut at = 0;
        while at < input.len() {
            let time = input.time(at);
            if !time.is_set() {
                return Err(no_event_time(input.site(at)));
            }
            let span = self.settings.grid.span(time.as_millis());
            if mixed {
                watermark = self.horizon.of_hash(input.hashes()[at]);
                at += 1;
            } else if !span.is_covered {
                // In a gap, each record is late or not by its own time.
                at += 1;
            } else {
                let same = times[at..].iter().take_while(|time| span.contains(time.as_millis())).count();
                at += same;
            }
            let fate = self.fate(span, time.as_millis(), watermark);
            self.runs.push(Run { end: at, fate });
        }
        Ok(())
    }

    fn fate(&mut self, span: Span, time: i64, watermark: i64) -> Fate {
        let Settings { grid, lateness, .. } = &self.settings;
        if !span.is_covered {
            return if time.saturating_add(*lateness) <= watermark { Fate::Late } else { Fate::Skip };
        }
        if is_over(grid.last_end(span.start), *lateness, watermark) {
            return Fate::Late;
        }
        let has_fired = grid.first_end(span.start) - 1 <= watermark;
        let pane = self.panes.find_or_insert(span.start);
        if has_fired { Fate::Fire(pane, span.start) } else { Fate::Add(pane) }
    }

    /// Works off the runs until the output is full.
    fn run(&mut self, input: &mut Batch<L::In>, out: &mut Output<L::Out>) -> Progress {
        let mut at = 0;
        let runs = std::mem::take(&mut self.runs);
        let mut records = input.consume();
        for run in &runs {
            match run.fate {
                Fate::Add(pane) => {
                    let logic = &self.function.logic;
                    let rows = &self.resolved[at..run.end];
                    let next = || records.next_value();
                    self.panes.add_all(
                        pane,
                        rows,
                        next,
                        |value| logic.start(value),
                        |acc, value| logic.add(acc, value),
                    );
                }
                Fate::Skip => records.by_ref().take(run.end - at).for_each(drop),
                Fate::Late | Fate::Fire(..) => {
                    for index in at..run.end {
                        if out.is_full() {
                            break;
                        }
                        self.come_late(self.resolved[index], run.fate, &mut records, out)?;
                    }
                }
            }
            at = run.end;
            if out.is_full() {
                break;
            }
        }
        self.runs = runs;
        Ok(())
    }

    /// Takes a record that comes after some of its windows have fired.
    fn come_late(
        &mut self,
        row: RowId,
        fate: Fate,
        records: &mut Consume<'_, L::In>,
        out: &mut Output<L::Out>,
    ) -> Progress {
        let Some(value) = records.next_value() else { return Ok(()) };
        let Fate::Fire(pane, start) = fate else {
            self.settings.late.put(value, records.time(), out);
            self.panes.note_unused(row);
            return Ok(());
        };
        let watermark = self.horizon.of_hash(self.keys.hash(row));
        let Settings { grid, lateness, .. } = self.settings;
        let fired = (grid.first_end(start)..=grid.last_end(start).min(watermark.saturating_add(1)))
            .step_by(grid.slide() as usize)
            .filter(|end| !is_over(*end, lateness, watermark));
        // What has fired before is to be known before the record makes the row a part of each window.
        let fired: Vec<(i64, u32)> = fired.map(|end| (end, self.firings_of(end, row))).collect();
        let logic = &self.function.logic;
        let mut value = Some(value);
        self.panes.add_all(
            pane,
            &[row],
            || value.take(),
            |value| logic.start(value),
            |acc, value| logic.add(acc, value),
        );
        for (end, revision) in fired {
            self.firings.insert((end, row), revision + 1);
            self.fire_again(end, row, revision, out)?;
        }
        Ok(())
    }

    /// How often a window that has ended has fired for a row.
    fn firings_of(&self, end: i64, row: RowId) -> u32 {
        match self.firings.get(&(end, row)) {
            Some(count) => *count,
            None => u32::from(merged(&self.panes, &self.function.logic, self.starts(end), row).is_some()),
        }
    }

    fn fire_again(&mut self, end: i64, row: RowId, revision: u32, out: &mut Output<L::Out>) -> Progress {
        let (window, starts) = (self.window(end), self.starts(end));
        match merged(&self.panes, &self.function.logic, starts, row) {
            Some(acc) => self.function.fire(self.keys.key(row), acc, (window, revision), out),
            None => Ok(()),
        }
    }

    fn starts(&self, end: i64) -> std::ops::Range<i64> {
        end.saturating_sub(self.settings.grid.size())..end
    }

    fn window(&self, end: i64) -> TimeWindow {
        let start = end.saturating_sub(self.settings.grid.size());
        TimeWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    /// The end of the first window that has not fired.
    fn next_due(&self) -> Option<i64> {
        let grid = &self.settings.grid;
        let next = grid.next_end(self.horizon.watermark().saturating_add(1));
        let first = self.panes.first_from(next.saturating_sub(grid.size()))?;
        Some(grid.first_end(first).max(next))
    }

    /// Fires all windows that end at or before `watermark`, in order.
    fn fire_due(&mut self, watermark: i64, out: &mut Output<L::Out>) -> Progress {
        loop {
            if self.cursor.is_none() {
                let Some(end) = self.next_due().filter(|end| end - 1 <= watermark) else { break };
                let panes: Vec<PaneId> = self.panes.range(self.starts(end)).collect();
                let rows = self.panes.rows_in(&panes).into();
                self.cursor = Some(Cursor { end, panes, rows, next: 0, merged: Vec::new() });
            }
            self.fire_rows(out)?;
            if let Some(cursor) = self.cursor.take() {
                self.horizon.advance(cursor.end - 1);
                self.purge();
            }
        }
        self.horizon.advance(watermark);
        self.purge();
        self.panes.forget_unused(&mut self.keys);
        Ok(())
    }

    fn fire_rows(&mut self, out: &mut Output<L::Out>) -> Progress {
        let Some(mut cursor) = self.cursor.take() else { return Ok(()) };
        let mut progress = Ok(());
        while progress.is_ok() && cursor.next < cursor.rows.len() {
            progress = out.relieve();
            if progress.is_ok() {
                progress = self.fire_row(&mut cursor, out);
            }
        }
        self.cursor = Some(cursor);
        progress
    }

    fn fire_row(&mut self, cursor: &mut Cursor<L::Acc>, out: &mut Output<L::Out>) -> Progress {
        let (end, row) = (cursor.end, cursor.rows[cursor.next]);
        let window = self.window(end);
        let acc = match cursor.panes.as_slice() {
            // The window is its only pane, and nothing will ask for it again.
            [pane] if self.settings.grid.is_disjoint() && self.settings.lateness == 0 => {
                self.panes.take(*pane, row).map(Cow::Owned)
            }
            [pane] => self.panes.get(*pane, row).map(Cow::Borrowed),
            panes => {
                if cursor.merged.is_empty() {
                    let logic = &self.function.logic;
                    let until = cursor.rows.len().min(cursor.next + MERGED_ROWS);
                    let rows = &cursor.rows[cursor.next..until];
                    self.panes.merge(panes, rows, &mut cursor.merged, |acc, other| logic.merge(acc, other));
                    cursor.merged.reverse();
                }
                cursor.merged.pop().flatten().map(Cow::Owned)
            }
        };
        cursor.next += 1;
        let has_fired = self.horizon.is_mixed() && end - 1 <= self.horizon.of_hash(self.keys.hash(row))
            || self.firings.contains_key(&(end, row));
        match acc {
            Some(acc) if !has_fired => self.function.fire(self.keys.key(row), acc, (window, 0), out),
            _ => Ok(()),
        }
    }

    /// Forgets the panes of windows that are over.
    fn purge(&mut self) {
        let watermark = self.horizon.watermark();
        let Settings { grid, lateness, .. } = self.settings;
        self.panes.remove_while(|start| is_over(grid.last_end(start), lateness, watermark));
        while let Some(&((end, row), _)) = self.firings.get_min()
            && is_over(end, lateness, watermark)
        {
            self.firings.remove(&(end, row));
        }
    }

    fn wake(&self, out: &Output<L::Out>) {
        if self.settings.processing_time
            && let Some(end) = self.next_due()
        {
            out.task.wake_at(Timestamp::from_millis(end));
        }
    }
}

/// What a window with panes that start within `starts` holds of a row.
fn merged<'a, K, L: WindowLogic<K>>(
    panes: &'a Panes<L::Acc>,
    logic: &L,
    starts: std::ops::Range<i64>,
    row: RowId,
) -> Option<Cow<'a, L::Acc>> {
    let mut accs = panes.range(starts).filter_map(|pane| panes.get(pane, row));
    let mut merged = Cow::Borrowed(accs.next()?);
    for acc in accs {
        logic.merge(merged.to_mut(), acc.clone());
    }
    Some(merged)
}

/// Whether a window with this end will never fire again.
fn is_over(end: i64, lateness: i64, watermark: i64) -> bool {
    (end - 1).saturating_add(lateness) <= watermark
}

impl<K: Key, L: WindowLogic<K>> Operator for AlignedWindows<K, L> {
    type In = L::In;
    type Out = L::Out;

    fn open(&mut self, out: &mut Output<L::Out>) -> Progress {
        self.wake(out);
        Ok(())
    }

    fn process(&mut self, input: &mut Batch<L::In>, out: &mut Output<L::Out>) -> Progress {
        out.collector.forget_record();
        while !input.is_empty() {
            if input.hashes().is_empty() {
                self.selector.hash(input);
            }
            self.selector.resolve(input, &mut self.keys, &mut self.resolved);
            self.panes.grow_rows(self.keys.row_count());
            self.plan(input, out)?;
            self.run(input, out)?;
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.panes.relieve(&mut self.keys);
        self.wake(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<L::Out>) -> Progress {
        if self.settings.processing_time { Ok(()) } else { self.fire_due(watermark.as_millis(), out) }
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<L::Out>) -> Progress {
        if self.settings.processing_time {
            self.fire_due(now.as_millis() - 1, out)?;
            self.wake(out);
        }
        Ok(())
    }

    fn snapshot(&mut self, out: &Output<L::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.write(&out.task.info, to)
    }

    fn restore(&mut self, out: &Output<L::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.read(&out.task.info, from)
    }
}
