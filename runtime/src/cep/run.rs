//! Partial matches, in order of their first events.

use super::buffer::{NO_NODE, NodeId};

/// A partial match: a state of the automaton, and the path that has led there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) state: u16,
    /// Where the path ends; [`NO_NODE`] at the start.
    pub(super) node: NodeId,
    /// Where the first event stands in the order of the key's events; the highest number at the start.
    pub(super) first: u64,
    /// The time of the first event.
    pub(super) first_time: i64,
    /// The time of the last event.
    pub(super) last_time: i64,
}

impl Run {
    /// One that waits for its first event.
    pub(super) fn start(state: u16) -> Self {
        Self { state, node: NO_NODE, first: u64::MAX, first_time: 0, last_time: 0 }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.first != u64::MAX
    }
}

/// Partial matches as a binary heap: the one that began first can be taken out.
///
/// Among those that began with the same event, which comes first decides what is found if matches are skipped. So this
/// does, step by step, what the priority queue of Java's library does, which Flink uses.
#[derive(Debug, Clone, Default)]
pub(super) struct RunHeap {
    runs: Vec<Run>,
}

impl RunHeap {
    /// In the order of the heap, which is no particular one.
    pub(super) fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    pub(super) fn first(&self) -> Option<&Run> {
        self.runs.first()
    }

    #[inline]
    pub(super) fn push(&mut self, run: Run) {
        let mut at = self.runs.len();
        self.runs.push(run);
        while at > 0 {
            let parent = (at - 1) / 2;
            if run.first >= self.runs[parent].first {
                break;
            }
            self.runs[at] = self.runs[parent];
            at = parent;
        }
        self.runs[at] = run;
    }

    pub(super) fn pop(&mut self) -> Option<Run> {
        let last = self.runs.pop()?;
        match self.runs.first().copied() {
            None => Some(last),
            Some(first) => {
                self.sift_down(0, last);
                Some(first)
            }
        }
    }

    /// Takes out those that began before `bound`, and hands them on.
    pub(super) fn remove_before(&mut self, bound: u64, mut removed: impl FnMut(Run)) {
        let before = self.runs.len();
        self.runs.retain(|run| {
            let stays = run.first >= bound;
            if !stays {
                removed(*run);
            }
            stays
        });
        if self.runs.len() < before {
            (0..self.runs.len() / 2).rev().for_each(|at| self.sift_down(at, self.runs[at]));
        }
    }

    fn sift_down(&mut self, mut at: usize, run: Run) {
        let len = self.runs.len();
        while at < len / 2 {
            let mut child = 2 * at + 1;
            if child + 1 < len && self.runs[child].first > self.runs[child + 1].first {
                child += 1;
            }
            if run.first <= self.runs[child].first {
                break;
            }
            self.runs[at] = self.runs[child];
            at = child;
        }
        self.runs[at] = run;
    }
}

impl FromIterator<Run> for RunHeap {
    fn from_iter<I: IntoIterator<Item = Run>>(runs: I) -> Self {
        let mut heap = Self::default();
        runs.into_iter().for_each(|run| heap.push(run));
        heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_began_first_come_first() {
        let runs = [5, 3, 9, 3, 1, 7].map(|first| Run { first, ..Run::start(0) });
        let mut heap = RunHeap::from_iter(runs);
        let mut removed = Vec::new();
        heap.remove_before(4, |run| removed.push(run.first));
        removed.sort_unstable();
        assert_eq!(removed, [1, 3, 3]);
        let left: Vec<u64> = std::iter::from_fn(|| heap.pop()).map(|run| run.first).collect();
        assert_eq!(left, [5, 7, 9]);
    }
}
