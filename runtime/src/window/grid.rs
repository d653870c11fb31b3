//! The arithmetic of windows that start at regular intervals.
//!
//! All instants are milliseconds. Windows start at `offset + k * slide` and last `size`. The panes that they share are
//! as long as the greatest common divisor of size and slide; if windows do not overlap, a pane is a window.

/// Windows at regular intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    size: i64,
    slide: i64,
    offset: i64,
    /// From the start of a pane to the start of the next.
    pane: i64,
}

/// The instants from `start` up to `end` that belong to one pane, or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    end: i64,
    /// Whether any window covers it: between windows that are shorter than their slide there are gaps.
    pub(crate) is_covered: bool,
}

impl Span {
    #[inline]
    pub(crate) fn contains(&self, time: i64) -> bool {
        // One comparison for both ends: what lies before the start wraps to a large distance.
        (time.wrapping_sub(self.start) as u64) < self.end.wrapping_sub(self.start) as u64
    }
}

impl Grid {
    /// `size` and `slide` must be positive.
    pub(crate) fn new(size: i64, slide: i64, offset: i64) -> Self {
        let pane = if slide >= size { slide } else { gcd(size, slide) };
        Self { size, slide, offset: offset.rem_euclid(slide), pane }
    }

    pub(crate) fn size(&self) -> i64 {
        self.size
    }

    /// The distance between the starts of windows.
    pub(crate) fn slide(&self) -> i64 {
        self.slide
    }

    /// Whether each pane is one whole window.
    pub(crate) fn is_disjoint(&self) -> bool {
        self.slide >= self.size
    }

    /// The pane, or the gap, around an instant.
    #[inline]
    pub(crate) fn span(&self, time: i64) -> Span {
        let start = floor(time, self.offset, self.pane);
        let end = start.saturating_add(self.pane.min(self.size));
        if time < end {
            Span { start, end, is_covered: true }
        } else {
            Span { start: end, end: start.saturating_add(self.pane), is_covered: false }
        }
    }

    /// The end of the first window that the pane starting at `pane` is in.
    pub(crate) fn first_end(&self, pane: i64) -> i64 {
        self.next_end(pane)
    }

    /// The end of the last window that the pane starting at `pane` is in.
    pub(crate) fn last_end(&self, pane: i64) -> i64 {
        floor(pane, self.offset, self.slide).saturating_add(self.size)
    }

    /// The first end of a window after `time`.
    pub(crate) fn next_end(&self, time: i64) -> i64 {
        floor(time.saturating_sub(self.size), self.offset, self.slide)
            .saturating_add(self.slide)
            .saturating_add(self.size)
    }
}

/// The greatest `offset + k * step` that is not after `time`.
#[inline]
fn floor(time: i64, offset: i64, step: i64) -> i64 {
    time.saturating_sub(time.saturating_sub(offset).rem_euclid(step))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_list_of_windows(size in 1i64..40, slide in 1i64..40, offset in -50i64..50, time in -200i64..200) {
            let grid = Grid::new(size, slide, offset);
            let starts = (-300..=300).map(|k| offset + k * slide);
            let around: Vec<i64> = starts.clone().filter(|start| (*start..start + size).contains(&time)).collect();
            let span = grid.span(time);
            prop_assert!(span.contains(time));
            prop_assert_eq!(span.is_covered, !around.is_empty());
            if let (Some(first), Some(last)) = (around.first(), around.last()) {
                prop_assert_eq!(grid.first_end(span.start), first + size);
                prop_assert_eq!(grid.last_end(span.start), last + size);
                // A pane lies in each window whole or not at all.
                for other in span.start..span.end {
                    prop_assert_eq!(around.clone(), starts.clone().filter(|start| (*start..start + size).contains(&other)).collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(Some(grid.next_end(time)), starts.map(|start| start + size).find(|end| *end > time));
        }
    }

    #[test]
    fn the_ends_of_time_are_no_error() {
        for time in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let grid = Grid::new(1000, 300, -7);
            let span = grid.span(time);
            let _ = (grid.first_end(span.start), grid.last_end(span.start), grid.next_end(time));
        }
    }
}
