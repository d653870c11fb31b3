//! The windows of one key, for windows that are kept key by key.

use smallvec::SmallVec;

use super::TimeWindow;
use super::due::{DueQueue, DueQueues};
use super::trigger::{AnyTrigger, TriggerContext, TriggerState, TriggerTimers};
use crate::operator::TaskContext;
use crate::state::RowId;

/// Never: no entry in a queue, no end of a window.
pub(crate) const NEVER: i64 = i64::MAX;

/// What a trigger of the user's keeps of one window.
#[derive(Clone)]
pub(crate) struct Triggered {
    pub(crate) state: Box<dyn TriggerState>,
    pub(crate) timers: TriggerTimers,
}

impl Triggered {
    pub(crate) fn new(state: Box<dyn TriggerState>) -> Box<Self> {
        Box::new(Self { state, timers: TriggerTimers::default() })
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_bare(&self) -> bool {
        self.state.is_blank() && self.timers.is_empty()
    }

    /// The state, and the context to call the trigger with.
    pub(crate) fn parts<'a>(
        &'a mut self,
        (window, row): (TimeWindow, RowId),
        watermark: i64,
        queues: &'a mut DueQueues,
        task: &'a TaskContext,
    ) -> (&'a mut dyn TriggerState, TriggerContext<'a>) {
        let ctx = TriggerContext { window, watermark, row, timers: &mut self.timers, queues, task };
        (self.state.as_mut(), ctx)
    }
}

/// One window of one key.
#[derive(Clone)]
pub(crate) struct Cell<A> {
    pub(crate) window: TimeWindow,
    /// `None` if the contents were dropped.
    pub(crate) acc: Option<A>,
    /// How often it has fired.
    pub(crate) firings: u32,
    /// Whether it is to fire at its end. Always false with a trigger.
    pub(crate) pending: bool,
    /// The instant of its entry in the queue, [`NEVER`] if it has none; at or before the instant at which it is due.
    pub(crate) armed: i64,
    /// Only with a trigger.
    pub(crate) triggered: Option<Box<Triggered>>,
}

/// How windows end: in which time, and how long they are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) processing_time: bool,
    /// In milliseconds.
    pub(crate) lateness: i64,
}

impl Ending {
    /// The instant at which the window ends: in event time when the watermark has reached its last millisecond, in
    /// processing time when the clock has left it.
    #[inline]
    pub(crate) fn end_of(self, window: TimeWindow) -> i64 {
        match window.end().as_millis() {
            NEVER => NEVER,
            end => end - i64::from(!self.processing_time),
        }
    }

    /// The instant until which the window is kept.
    #[inline]
    pub(crate) fn over_at(self, window: TimeWindow) -> i64 {
        self.end_of(window).saturating_add(self.lateness)
    }
}

impl<A> Cell<A> {
    pub(crate) fn new(window: TimeWindow) -> Self {
        Self { window, acc: None, firings: 0, pending: false, armed: NEVER, triggered: None }
    }

    /// When it next needs to be looked at: to fire, or to be dropped.
    pub(crate) fn due(&self, ending: Ending) -> i64 {
        if self.pending { ending.end_of(self.window) } else { ending.over_at(self.window) }
    }

    /// Sees to it that there is an entry in the queue no later than the window is due.
    #[inline]
    pub(crate) fn arm(&mut self, ending: Ending, row: RowId, queue: &mut DueQueue) {
        let due = self.due(ending);
        if due < self.armed {
            self.armed = due;
            queue.push(due, row);
        }
    }
}

/// The windows of one key, ordered by start. No two sessions among them touch.
pub(crate) type Cells<A> = SmallVec<[Cell<A>; 1]>;

/// The session that a record's window falls into.
pub(crate) struct Merged {
    /// Its index.
    pub(crate) index: usize,
    /// Whether it has another extent than the session that was there before.
    pub(crate) has_grown: bool,
    /// What the triggers of further sessions that it has taken in remember.
    pub(crate) others: Vec<Box<dyn TriggerState>>,
}

/// Finds the sessions that `window` touches and makes them one that covers it; `None` if there are none.
pub(crate) fn merge_session<A>(cells: &mut Cells<A>, window: TimeWindow, merge: impl Fn(&mut A, A)) -> Option<Merged> {
    // Most records extend the last session.
    let last = cells.len().checked_sub(1)?;
    let latest = &mut cells[last].window;
    if latest.start() <= window.start() && window.start() <= latest.end() {
        let has_grown = window.end() > latest.end();
        *latest = latest.cover(&window);
        return Some(Merged { index: last, has_grown, others: Vec::new() });
    }
    let index = cells.iter().position(|cell| cell.window.touches(&window))?;
    let end = cells.iter().rposition(|cell| cell.window.touches(&window))? + 1;
    let mut others = Vec::new();
    let taken: SmallVec<[Cell<A>; 2]> = cells.drain(index + 1..end).collect();
    let into = &mut cells[index];
    let before = into.window;
    into.window = into.window.cover(&window);
    for cell in taken {
        into.window = into.window.cover(&cell.window);
        into.firings = into.firings.max(cell.firings);
        into.armed = into.armed.min(cell.armed);
        match (&mut into.acc, cell.acc) {
            (Some(acc), Some(other)) => merge(acc, other),
            (acc @ None, other) => *acc = other,
            (Some(_), None) => {}
        }
        others.extend(cell.triggered.map(|triggered| triggered.state));
    }
    Some(Merged { index, has_grown: into.window != before, others })
}

/// The index of a window among those of its key, made if it is not there.
pub(crate) fn find_or_insert<A>(cells: &mut Cells<A>, window: TimeWindow) -> usize {
    match cells.binary_search_by_key(&window, |cell| cell.window) {
        Ok(index) => index,
        Err(index) => {
            cells.insert(index, Cell::new(window));
            index
        }
    }
}

/// Tells the trigger of a session that it has grown.
pub(crate) fn tell_merged<A, T>(
    cell: &mut Cell<A>,
    others: Vec<Box<dyn TriggerState>>,
    trigger: &dyn AnyTrigger<T>,
    (row, watermark): (RowId, i64),
    queues: &mut DueQueues,
    task: &TaskContext,
) {
    if let Some(triggered) = &mut cell.triggered {
        triggered.timers.clear();
        let (state, mut ctx) = triggered.parts((cell.window, row), watermark, queues, task);
        trigger.on_merge(state, others, &mut ctx);
    }
}
