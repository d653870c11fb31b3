//! What is in flight, with the signals among it, in order of arrival.

use std::collections::VecDeque;

use super::Outcome;
use crate::error::Site;
use crate::operator::Signal;

/// In which order results are handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In that of the records.
    Ordered,
    /// As they come, between two watermarks: no result overtakes a watermark, nor is overtaken by one.
    Unordered,
}

/// A record that is being worked on.
pub(crate) struct Record<T, C> {
    pub(crate) value: T,
    pub(crate) site: Site,
    pub(crate) call: C,
}

/// What may be handed on.
#[derive(Debug)]
pub(crate) enum Ready<T, U> {
    Record {
        value: T,
        site: Site,
        outcome: Outcome<U>,
    },
    /// Stays until [`Pending::pop_signal`].
    Signal(Signal),
}

enum Entry<T, U, C> {
    Awaited(Record<T, C>),
    Done(Record<T, C>, Outcome<U>),
    Signal(Signal),
    /// A record that was handed on before those in front of it.
    Gone,
}

/// Records in flight and the signals among them. Entries are numbered as they come.
pub(crate) struct Pending<T, U, C> {
    order: Order,
    entries: VecDeque<Entry<T, U, C>>,
    /// The number of the first entry.
    first: u64,
    /// The numbers of the signals, ascending.
    signals: VecDeque<u64>,
    /// The numbers of records that are done, in the order in which they came to be; only if unordered.
    done: VecDeque<u64>,
    records: usize,
}

impl<T, U, C> Pending<T, U, C> {
    pub(crate) fn new(order: Order) -> Self {
        let (signals, done) = (VecDeque::new(), VecDeque::new());
        Self { order, entries: VecDeque::new(), first: 0, signals, done, records: 0 }
    }

    /// How many records have not been handed on.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// How many signals have not been handed on.
    pub(crate) fn signals(&self) -> usize {
        self.signals.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number that the next entry will have.
    pub(crate) fn next_number(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(crate) fn push(&mut self, record: Record<T, C>) {
        self.entries.push_back(Entry::Awaited(record));
        self.records += 1;
    }

    /// Takes a signal in; of watermarks with nothing between them, the last one counts.
    pub(crate) fn push_signal(&mut self, signal: Signal) {
        match (self.entries.back_mut(), &signal) {
            (Some(Entry::Signal(last @ Signal::Watermark(_))), Signal::Watermark(_)) => *last = signal,
            _ => {
                self.signals.push_back(self.next_number());
                self.entries.push_back(Entry::Signal(signal));
            }
        }
    }

    /// The record with this number, if it is being worked on.
    pub(crate) fn awaited(&mut self, number: u64) -> Option<&mut Record<T, C>> {
        match self.entry(number)? {
            Entry::Awaited(record) => Some(record),
            Entry::Done(..) | Entry::Signal(_) | Entry::Gone => None,
        }
    }

    /// The work on an awaited record has ended.
    pub(crate) fn finish(&mut self, number: u64, outcome: Outcome<U>) {
        let Some(entry) = self.entry(number) else { return };
        match std::mem::replace(entry, Entry::Gone) {
            Entry::Awaited(record) => *entry = Entry::Done(record, outcome),
            other => {
                *entry = other;
                return;
            }
        }
        if self.order == Order::Unordered {
            self.done.push_back(number);
        }
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry<T, U, C>> {
        self.entries.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Takes out the next record that may be handed on, or tells of the next signal.
    pub(crate) fn next_ready(&mut self) -> Option<Ready<T, U>> {
        self.forget_gone();
        match self.entries.front()? {
            Entry::Signal(signal) => return Some(Ready::Signal(signal.clone())),
            Entry::Awaited(_) if self.order == Order::Ordered => return None,
            _ => {}
        }
        let number = match self.order {
            Order::Ordered => self.first,
            Order::Unordered => {
                let boundary = self.signals.front().copied().unwrap_or(u64::MAX);
                let at = self.done.iter().position(|number| *number < boundary)?;
                self.done.remove(at)?
            }
        };
        match std::mem::replace(self.entry(number)?, Entry::Gone) {
            Entry::Done(Record { value, site, .. }, outcome) => {
                self.records -= 1;
                self.forget_gone();
                Some(Ready::Record { value, site, outcome })
            }
            _ => unreachable!("invariant: a number among those done is of a record that is"),
        }
    }

    /// The signal in front has been handed on.
    pub(crate) fn pop_signal(&mut self) {
        if let Some(Entry::Signal(_)) = self.entries.front() {
            self.entries.pop_front();
            self.signals.pop_front();
            self.first += 1;
        }
    }

    /// Records that have not been handed on, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record<T, C>> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Awaited(record) | Entry::Done(record, _) => Some(record),
            Entry::Signal(_) | Entry::Gone => None,
        })
    }

    fn forget_gone(&mut self) {
        while let Some(Entry::Gone) = self.entries.front() {
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;

    type Numbers = Pending<u64, u64, ()>;

    fn record(value: u64) -> Record<u64, ()> {
        Record { value, site: Site::default(), call: () }
    }

    fn watermark(at: u64) -> Signal {
        Signal::Watermark(Timestamp::from_millis(at as i64))
    }

    /// Everything that may be handed on now: records as they are, signals as `None`.
    fn drain(pending: &mut Numbers) -> Vec<Option<u64>> {
        let mut out = Vec::new();
        while let Some(ready) = pending.next_ready() {
            out.push(match ready {
                Ready::Record { value, .. } => Some(value),
                Ready::Signal(_) => {
                    pending.pop_signal();
                    None
                }
            });
        }
        out
    }

    #[test]
    fn in_order_a_record_waits_for_those_before_it() {
        let mut pending = Numbers::new(Order::Ordered);
        (0..3).for_each(|value| pending.push(record(value)));
        pending.finish(1, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), []);
        pending.finish(0, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), [Some(0), Some(1)]);
        assert_eq!(pending.records(), 1);
    }

    #[test]
    fn without_order_a_record_waits_for_the_watermarks_before_it() {
        let mut pending = Numbers::new(Order::Unordered);
        (0..2).for_each(|value| pending.push(record(value)));
        pending.push_signal(watermark(1));
        pending.push(record(2));
        pending.finish(3, Ok(Vec::new()));
        pending.finish(1, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), [Some(1)]);
        pending.finish(0, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), [Some(0), None, Some(2)]);
        assert!(pending.is_empty());
    }

    #[test]
    fn of_watermarks_in_a_row_the_last_one_counts() {
        let mut pending = Numbers::new(Order::Ordered);
        [1, 2].map(watermark).into_iter().for_each(|signal| pending.push_signal(signal));
        assert!(matches!(pending.next_ready(), Some(Ready::Signal(signal)) if signal == watermark(2)));
        pending.pop_signal();
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_done_twice_counts_once() {
        let mut pending = Numbers::new(Order::Unordered);
        pending.push(record(0));
        pending.finish(0, Ok(Vec::new()));
        pending.finish(0, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), [Some(0)]);
        pending.finish(0, Ok(Vec::new()));
        assert_eq!(drain(&mut pending), []);
    }

    proptest! {
        /// `None` in `arrivals` is a signal. `steps` finishes records, in any order, and hands on what may be.
        #[test]
        fn results_stay_between_the_signals_around_them(
            arrivals in proptest::collection::vec(any::<bool>(), 0..40),
            shuffle in any::<u64>(),
            ordered in any::<bool>(),
        ) {
            let order = if ordered { Order::Ordered } else { Order::Unordered };
            let mut pending = Numbers::new(order);
            let (mut waiting, mut expected) = (Vec::new(), Vec::new());
            for (number, is_record) in arrivals.into_iter().enumerate() {
                let number = number as u64;
                if is_record {
                    pending.push(record(number));
                    waiting.push(number);
                    expected.push(Some(number));
                } else {
                    pending.push_signal(Signal::Idle);
                    expected.push(None);
                }
            }
            let mut random = fastrand::Rng::with_seed(shuffle);
            random.shuffle(&mut waiting);
            let mut out = drain(&mut pending);
            for number in waiting {
                pending.finish(number, Ok(Vec::new()));
                let before = pending.records();
                let handed_on = drain(&mut pending);
                prop_assert_eq!(before - pending.records(), handed_on.iter().flatten().count());
                out.extend(handed_on);
            }
            prop_assert!(pending.is_empty());
            if !ordered {
                out.split_mut(Option::is_none).for_each(<[_]>::sort_unstable);
            }
            prop_assert_eq!(out, expected);
        }
    }
}
