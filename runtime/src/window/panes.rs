//! The panes of one subtask, ordered by their start, and how many of them each row is in.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pane::{FrozenPane, Pane};
use super::unused::UnusedRows;
use crate::data::Key;
use crate::state::{KeyIndex, Pages, RowId};

/// How many panes are remembered besides the map: out-of-order records go back and forth between a few.
const RECENT: usize = 8;

/// The place of a pane among [`Panes`], for as long as it is not removed.
pub(crate) type PaneId = usize;

/// All panes that hold something.
#[derive(Debug)]
pub(crate) struct Panes<A> {
    /// By start.
    order: BTreeMap<i64, PaneId>,
    panes: Vec<Pane<A>>,
    free: Vec<PaneId>,
    /// Starts looked up lately, with their panes.
    recent: [Option<(i64, PaneId)>; RECENT],
    next_recent: usize,
    /// Arrays of removed panes, for new ones.
    spare: Vec<Pages<Option<A>>>,
    /// How many panes each row is in.
    uses: Pages<u32>,
    unused: UnusedRows,
}

impl<A> Default for Panes<A> {
    fn default() -> Self {
        Self {
            order: BTreeMap::new(),
            panes: Vec::new(),
            free: Vec::new(),
            recent: [None; RECENT],
            next_recent: 0,
            spare: Vec::new(),
            uses: Pages::default(),
            unused: UnusedRows::default(),
        }
    }
}

impl<A: Clone> Panes<A> {
    /// Makes room for rows below `row_count`.
    pub(crate) fn grow_rows(&mut self, row_count: usize) {
        self.uses.grow_to(row_count, || 0);
    }

    /// The pane that starts at `start`, made if there is none.
    #[inline]
    pub(crate) fn find_or_insert(&mut self, start: i64) -> PaneId {
        for (known, id) in self.recent.iter().flatten() {
            if *known == start {
                return *id;
            }
        }
        self.look_up(start)
    }

    fn look_up(&mut self, start: i64) -> PaneId {
        let id = *self.order.entry(start).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.panes.push(Pane::default());
                self.panes.len() - 1
            })
        });
        self.recent[self.next_recent] = Some((start, id));
        self.next_recent = (self.next_recent + 1) % RECENT;
        id
    }

    /// Adds to the accumulators of `rows` in one pane, a value for each.
    #[inline]
    pub(crate) fn add_all<V>(
        &mut self,
        id: PaneId,
        rows: &[RowId],
        mut next: impl FnMut() -> Option<V>,
        start: impl Fn(V) -> A,
        add: impl Fn(&mut A, V),
    ) {
        let pane = &mut self.panes[id];
        let row_count = self.uses.len();
        let mut rows = rows.iter();
        pane.prepare(row_count, &mut self.spare);
        if pane.dense().is_none() {
            while !pane.is_cramped(row_count)
                && let Some(&row) = rows.next()
                && let Some(value) = next()
            {
                match pane.get_mut(row) {
                    Some(acc) => add(acc, value),
                    None => {
                        pane.insert(row, start(value));
                        *self.uses.get_mut(row) += 1;
                    }
                }
            }
            pane.prepare(row_count, &mut self.spare);
        }
        if let Some((accs, filled)) = pane.dense() {
            let mut accs = accs.writer();
            for &row in rows {
                let Some(value) = next() else { return };
                match accs.get_mut(row) {
                    Some(acc) => add(acc, value),
                    vacant => {
                        *vacant = Some(start(value));
                        *filled += 1;
                        *self.uses.get_mut(row) += 1;
                    }
                }
            }
        }
    }

    /// Puts a row into a pane that it is not in.
    pub(crate) fn insert(&mut self, id: PaneId, row: RowId, acc: A) {
        self.panes[id].insert(row, acc);
        *self.uses.get_mut(row) += 1;
    }

    pub(crate) fn get(&self, id: PaneId, row: RowId) -> Option<&A> {
        self.panes[id].get(row)
    }

    /// Merges what some panes hold of `rows`, in order of the panes; pane by pane, so that memory is read in order.
    pub(crate) fn merge(&self, panes: &[PaneId], rows: &[RowId], into: &mut Vec<Option<A>>, merge: impl Fn(&mut A, A)) {
        into.clear();
        into.resize_with(rows.len(), || None);
        for id in panes {
            self.panes[*id].merge_into(rows, into, &merge);
        }
    }

    /// Takes a row out of a pane.
    pub(crate) fn take(&mut self, id: PaneId, row: RowId) -> Option<A> {
        let acc = self.panes[id].take(row)?;
        self.release(row);
        Some(acc)
    }

    fn release(&mut self, row: RowId) {
        let uses = self.uses.get_mut(row);
        *uses -= 1;
        if *uses == 0 {
            self.unused.note(row);
        }
    }

    /// Notes that a key was numbered whose record went to no pane.
    pub(crate) fn note_unused(&mut self, row: RowId) {
        if *self.uses.get(row) == 0 {
            self.unused.note(row);
        }
    }

    /// The panes that start within `starts`, in order.
    pub(crate) fn range(&self, starts: Range<i64>) -> impl Iterator<Item = PaneId> {
        self.order.range(starts).map(|(_, id)| *id)
    }

    /// All panes by start, as they are now.
    pub(crate) fn freeze(&mut self) -> Vec<(i64, FrozenPane<A>)> {
        let panes = &mut self.panes;
        self.order.iter().map(|(start, id)| (*start, panes[*id].freeze())).collect()
    }

    /// The first pane that starts at `from` or later.
    pub(crate) fn first_from(&self, from: i64) -> Option<i64> {
        self.order.range(from..).next().map(|(start, _)| *start)
    }

    /// The rows that are in any of `panes`, each once, in order.
    pub(crate) fn rows_in(&self, panes: &[PaneId]) -> Vec<RowId> {
        let mut rows = Vec::new();
        let mut ordered = panes.len() == 1;
        for id in panes {
            ordered &= self.panes[*id].list_rows(&mut rows);
        }
        if !ordered {
            rows.sort_unstable();
            rows.dedup();
        }
        rows
    }

    /// Removes the panes from the front for which `is_over` holds.
    pub(crate) fn remove_while(&mut self, is_over: impl Fn(i64) -> bool) {
        while let Some(entry) = self.order.first_entry()
            && is_over(*entry.key())
        {
            let id = entry.remove();
            let mut pane = std::mem::take(&mut self.panes[id]);
            let mut rows = Vec::with_capacity(pane.len());
            pane.list_rows(&mut rows);
            // An array that is in a snapshot is given up whole: emptying it would copy it.
            let is_reusable = !pane.is_frozen();
            for row in rows {
                if is_reusable {
                    pane.take(row);
                }
                self.release(row);
            }
            pane.recycle(&mut self.spare);
            self.free.push(id);
            self.recent = [None; RECENT];
        }
    }

    /// Has keys that are in no pane for some time forgotten.
    pub(crate) fn forget_unused<K: Key>(&mut self, keys: &mut KeyIndex<K>) {
        self.unused.turn(keys, |row| *self.uses.get(row) > 0);
    }

    /// Like [`Panes::forget_unused`], if it is urgent.
    pub(crate) fn relieve<K: Key>(&mut self, keys: &mut KeyIndex<K>) {
        self.unused.relieve(keys, |row| *self.uses.get(row) > 0);
    }
}
