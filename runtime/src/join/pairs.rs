//! Makes the pairs of a window join, one by one.
//!
//! The window operator emits a group for each window that fires, and this stage, which is a part of the same operator, all
//! pairs of the group. A group may have very many: when the output is full in the midst of it, it goes back into the
//! batch, and `next` tells which pair is the next.

use super::group::Group;
use crate::channel::Batch;
use crate::data::Data;
use crate::operator::{Collector, Output, Progress, Signal, Stage};
use crate::state::{StateError, TaskCapture, TaskSnapshot};

/// Hands each pair of a group to a function.
pub(crate) struct PairStage<O, F> {
    pair: F,
    /// The place of the next pair of the first group: of its left record, then of its right one.
    next: (usize, usize),
    out: Output<O>,
}

impl<O: Data, F> PairStage<O, F> {
    pub(crate) fn new(pair: F, out: Output<O>) -> Self {
        Self { pair, next: (0, 0), out }
    }

    /// Makes the pairs of a group, from the next one on.
    fn expand<L, R>(&mut self, group: &Group<L, R>) -> Progress
    where
        F: FnMut(&L, &R, &mut Collector<O>),
    {
        let (first, mut from) = self.next;
        for (row, left) in group.left.iter().enumerate().skip(first) {
            for (column, right) in group.right.iter().enumerate().skip(from) {
                if self.out.is_full() {
                    self.next = (row, column);
                    self.out.flush()?;
                }
                (self.pair)(left, right, &mut self.out.collector);
            }
            from = 0;
        }
        self.next = (0, 0);
        Ok(())
    }
}

impl<L, R, O, F> Stage<Group<L, R>> for PairStage<O, F>
where
    L: Data,
    R: Data,
    O: Data,
    F: FnMut(&L, &R, &mut Collector<O>),
{
    fn push(&mut self, batch: &mut Batch<Group<L, R>>) -> Progress {
        self.out.flush()?;
        let mut groups = batch.consume();
        while let Some(group) = groups.next_value() {
            self.out.collector.at_record(groups.time(), None);
            if let Err(stop) = self.expand(&group) {
                groups.put_back(group);
                return Err(stop);
            }
        }
        drop(groups);
        self.out.flush()
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.out.flush()?;
        self.out.signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.out.open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.out.restore(from)
    }
}
