//! W5: how many events each of 10,000 keys has in the last ten seconds, every second.

use hashbrown::HashMap;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::window::Sliding;

use super::windows::{window_code, window_job};
use crate::Fingerprint;
use crate::input::event;

const SLIDE_MILLIS: i64 = 1000;
/// Slides in a window.
const PANES: usize = 10;

/// The plain loop: a number for each key, a pane of counts per slide, and running totals over the last ten panes.
#[derive(Default)]
struct Panes {
    numbers: HashMap<u64, usize>,
    keys: Vec<u64>,
    /// Totals over the panes of the window that ends next.
    totals: Vec<u64>,
    /// The pane being filled stands at `slide % PANES`.
    panes: [Vec<u64>; PANES],
    /// How many slides have ended.
    slide: usize,
    fingerprint: Fingerprint,
}

impl Panes {
    #[inline(always)]
    fn count(&mut self, key: u64) {
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.totals.push(0);
            self.panes.iter_mut().for_each(|pane| pane.push(0));
            self.keys.len() - 1
        });
        self.panes[self.slide % PANES][number] += 1;
    }

    /// Emits the window that ends with the current slide.
    fn fire(&mut self) {
        let end = (self.slide as i64 + 1) * SLIDE_MILLIS;
        let start = end - PANES as i64 * SLIDE_MILLIS;
        let newest = self.slide % PANES;
        let oldest = (self.slide + 1) % PANES;
        for (number, total) in self.totals.iter_mut().enumerate() {
            *total += self.panes[newest][number];
            if *total > 0 {
                self.fingerprint.add(window_code(self.keys[number], start, end, *total));
            }
            *total -= std::mem::take(&mut self.panes[oldest][number]);
        }
        self.slide += 1;
    }
}

#[inline(never)]
pub(super) fn plain(records: u64) -> Fingerprint {
    let mut state = Panes::default();
    let mut end = SLIDE_MILLIS;
    for index in 0..records {
        let event = event(index);
        while event.millis >= end {
            state.fire();
            end += SLIDE_MILLIS;
        }
        state.count(event.key);
    }
    // The windows that hold the last slide.
    for _ in 0..PANES {
        state.fire();
    }
    state.fingerprint
}

pub(super) fn job(records: u64, parallelism: usize) -> Result<Fingerprint> {
    window_job(
        "sliding",
        GeneratorSource::new(records, event),
        Sliding::of(Duration::from_secs(10), Duration::from_secs(1)),
        parallelism,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_loop_counts_like_one_table_by_window_and_key() {
        let records = 2_500_000;
        let mut counts: BTreeMap<(i64, u64), u64> = BTreeMap::new();
        for event in (0..records).map(event).filter(|event| event.key < 50) {
            let last = event.millis / SLIDE_MILLIS * SLIDE_MILLIS;
            for back in 0..PANES as i64 {
                *counts.entry((last - back * SLIDE_MILLIS, event.key)).or_default() += 1;
            }
        }
        let mut expected = Fingerprint::default();
        for ((start, key), count) in counts {
            expected.add(window_code(key, start, start + PANES as i64 * SLIDE_MILLIS, count));
        }
        let mut state = Panes::default();
        for event in (0..records).map(event).filter(|event| event.key < 50) {
            while event.millis >= (state.slide as i64 + 1) * SLIDE_MILLIS {
                state.fire();
            }
            state.count(event.key);
        }
        (0..PANES).for_each(|_| state.fire());
        assert_eq!(state.fingerprint, expected);
    }

    #[test]
    fn every_record_is_in_ten_windows() {
        // Three slides with records, and nine more windows that still hold the last.
        assert_eq!(plain(2_500_000).count, 12 * crate::input::WINDOW_KEYS);
    }
}
