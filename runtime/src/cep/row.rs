//! What is kept of one key: events that wait for the watermark, and partial matches.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::matching::Matching;

/// Which of two events of equal times comes first.
pub(super) type EventOrder<E> = Arc<dyn Fn(&E, &E) -> Ordering + Send + Sync>;

/// The row of a key; `None` if nothing is kept of it. Shared, so that a snapshot copies no row but those that are written to
/// afterwards.
pub(super) type Row<E> = Option<Arc<KeyRow<E>>>;

/// So many events' room is kept when no event waits.
const MAX_SPARE_EVENTS: usize = 256;

/// What is kept of one key.
#[derive(Debug, Clone)]
pub(super) struct KeyRow<E> {
    /// Events that wait, with their times.
    pub(super) waiting: VecDeque<(i64, E)>,
    /// Whether they are in order.
    pub(super) is_sorted: bool,
    pub(super) matching: Matching<E>,
    /// When the key is looked at next; the highest number for never.
    pub(super) armed: i64,
}

impl<E> Default for KeyRow<E> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), is_sorted: true, matching: Matching::default(), armed: i64::MAX }
    }
}

impl<E> KeyRow<E> {
    /// Has an event wait; `has_order` if those of equal times have one.
    #[inline]
    pub(super) fn wait(&mut self, time: i64, event: E, has_order: bool) {
        self.is_sorted &= self.waiting.back().is_none_or(|(last, _)| *last < time || (*last == time && !has_order));
        self.waiting.push_back((time, event));
    }

    /// Takes out the earliest event if its time has come; of those of equal times the one that came first, or that `order` puts
    /// first.
    #[inline]
    pub(super) fn next_waiting(&mut self, now: i64, order: Option<&EventOrder<E>>) -> Option<(i64, E)> {
        if !self.is_sorted {
            self.sort(order);
        }
        self.waiting.pop_front_if(|(time, _)| *time <= now)
    }

    fn sort(&mut self, order: Option<&EventOrder<E>>) {
        let equals = |a: &E, b: &E| order.map_or(Ordering::Equal, |order| order(a, b));
        self.waiting.make_contiguous().sort_by(|a, b| a.0.cmp(&b.0).then_with(|| equals(&a.1, &b.1)));
        self.is_sorted = true;
    }

    /// When there is something to do; the highest number for never.
    pub(super) fn next_due(&self) -> i64 {
        if !self.matching.ready.is_empty() {
            return i64::MIN;
        }
        let earliest = match self.is_sorted {
            true => self.waiting.front().map(|(time, _)| *time),
            false => self.waiting.iter().map(|(time, _)| *time).min(),
        };
        earliest.unwrap_or(i64::MAX).min(self.matching.deadline)
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_vacant(&self) -> bool {
        self.waiting.is_empty() && self.matching.is_vacant()
    }

    /// Makes it one of another key.
    fn reset(&mut self) {
        self.matching.sequence = 0;
        self.matching.deadline = i64::MAX;
        self.matching.reached = i64::MIN;
        self.matching.buffer.clear();
        self.armed = i64::MAX;
        self.is_sorted = true;
    }

    /// Gives back memory that a burst of events has taken.
    pub(super) fn shrink(&mut self) {
        if self.waiting.is_empty() && self.waiting.capacity() > MAX_SPARE_EVENTS {
            self.waiting.shrink_to(MAX_SPARE_EVENTS);
        }
    }
}

/// Rows that were given up, for keys to come: most keys come and go without a match.
pub(super) struct SpareRows<E>(Vec<Arc<KeyRow<E>>>);

/// How many are kept.
const MAX_SPARE_ROWS: usize = 4096;

impl<E> Default for SpareRows<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: Clone> SpareRows<E> {
    /// The row of a key, made if there is none.
    #[inline]
    pub(super) fn fill<'a>(&mut self, row: &'a mut Row<E>) -> &'a mut KeyRow<E> {
        Arc::make_mut(row.get_or_insert_with(|| self.0.pop().unwrap_or_default()))
    }

    /// Gives up a row that is vacant.
    pub(super) fn give_up(&mut self, row: &mut Row<E>) {
        if let Some(mut vacant) = row.take()
            && self.0.len() < MAX_SPARE_ROWS
            && let Some(own) = Arc::get_mut(&mut vacant)
        {
            own.reset();
            self.0.push(vacant);
        }
    }
}
