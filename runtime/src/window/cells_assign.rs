//! Which of a key's windows a record goes to, for windows that are kept key by key.

use super::TimeWindow;
use super::cell::{find_or_insert, merge_session, tell_merged};
use super::cells::{Arrival, CellWindows};
use super::function::WindowLogic;
use super::grid::Grid;
use crate::data::Key;
use crate::operator::{Output, Progress, TaskContext};
use crate::time::Timestamp;

impl<K: Key, L: WindowLogic<K>> CellWindows<K, L> {
    /// Adds a record to the session that it is in or begins.
    pub(super) fn add_to_session(
        &mut self,
        value: L::In,
        gap: i64,
        arrival: Arrival,
        out: &mut Output<L::Out>,
    ) -> Progress {
        let end = Timestamp::from_millis(arrival.time.as_millis().saturating_add(gap));
        match self.merge(TimeWindow::new(arrival.time, end), arrival, &out.task) {
            Some(index) => self.add(value, arrival, index, out),
            None => self.leave_out(value, arrival, out),
        }
    }

    /// Adds a record to the windows that come about as each of `windows` is merged with those that it touches.
    pub(super) fn merge_into(
        &mut self,
        value: L::In,
        windows: &[TimeWindow],
        arrival: Arrival,
        out: &mut Output<L::Out>,
    ) -> Progress {
        let mut is_in = false;
        for window in windows {
            if let Some(index) = self.merge(*window, arrival, &out.task) {
                is_in = true;
                self.add(value.clone(), arrival, index, out)?;
            }
        }
        if is_in { Ok(()) } else { self.leave_out(value, arrival, out) }
    }

    /// Makes one of a window and those of the key that it touches. Answers its index, or `None` if it is over.
    fn merge(
        &mut self,
        window: TimeWindow,
        Arrival { row, watermark, reached, .. }: Arrival,
        task: &TaskContext,
    ) -> Option<usize> {
        let cells = self.rows.get_mut(row);
        let logic = &self.function.logic;
        let Some(merged) = merge_session(cells, window, |acc, other| logic.merge(acc, other)) else {
            let is_over = self.settings.ending.over_at(window) <= watermark;
            return (!is_over).then(|| find_or_insert(cells, window));
        };
        if merged.has_grown
            && let Some(trigger) = &self.settings.trigger
        {
            let cell = &mut cells[merged.index];
            tell_merged(cell, merged.others, trigger.as_ref(), (row, reached), &mut self.queues, task);
        }
        Some(merged.index)
    }

    /// Adds a record to the windows at regular intervals that it is in.
    pub(super) fn add_to_regular(
        &mut self,
        value: L::In,
        grid: Grid,
        arrival: Arrival,
        out: &mut Output<L::Out>,
    ) -> Progress {
        let span = grid.span(arrival.time.as_millis());
        let ends = (grid.first_end(span.start)..=grid.last_end(span.start)).step_by(grid.slide() as usize);
        let windows = ends
            .map(|end| TimeWindow::new(Timestamp::from_millis(end - grid.size()), Timestamp::from_millis(end)))
            .filter(|_| span.is_covered);
        self.add_to_each(value, windows, arrival, out)
    }

    /// Adds a record to each of `windows` that is not over.
    pub(super) fn add_to_each(
        &mut self,
        value: L::In,
        windows: impl Iterator<Item = TimeWindow>,
        arrival: Arrival,
        out: &mut Output<L::Out>,
    ) -> Progress {
        let ending = self.settings.ending;
        let mut windows = windows.filter(|window| ending.over_at(*window) > arrival.watermark).peekable();
        if windows.peek().is_none() {
            return self.leave_out(value, arrival, out);
        }
        let mut value = Some(value);
        while let Some(window) = windows.next() {
            let copy = if windows.peek().is_some() { value.clone() } else { value.take() };
            let Some(copy) = copy else { break };
            let index = find_or_insert(self.rows.get_mut(arrival.row), window);
            self.add(copy, arrival, index, out)?;
        }
        Ok(())
    }

    /// A record is in no window: it is late, or was assigned to none.
    fn leave_out(
        &mut self,
        value: L::In,
        Arrival { row, watermark, time, .. }: Arrival,
        out: &mut Output<L::Out>,
    ) -> Progress {
        if time.as_millis().saturating_add(self.settings.ending.lateness) <= watermark {
            self.settings.late.put(value, time, out);
        }
        self.unused.note(row);
        Ok(())
    }
}
