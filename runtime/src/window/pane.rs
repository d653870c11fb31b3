//! The accumulators of one pane: a table over row numbers.
//!
//! A pane that many of the subtask's rows are in is an array over the row numbers; one that few are in is a map, so
//! that many keys in many thin panes do not cost keys times panes. A pane begins as a map and changes as it fills.

use super::sparse::SparseRows;
use crate::state::{Frozen, Pages, RowId};

/// An array is worth its memory once a row in so many is in the pane.
const ROWS_PER_ENTRY: usize = 8;

#[derive(Debug)]
enum Table<A> {
    Sparse(SparseRows<A>),
    Dense(Pages<Option<A>>),
}

/// What one pane holds of each row.
#[derive(Debug)]
pub(crate) struct Pane<A> {
    table: Table<A>,
    /// How many rows are in it.
    filled: usize,
}

impl<A> Default for Pane<A> {
    fn default() -> Self {
        Self { table: Table::Sparse(SparseRows::default()), filled: 0 }
    }
}

impl<A: Clone> Pane<A> {
    /// Makes ready for adding to any of `row_count` rows: after this, [`Pane::dense`] reaches all of them.
    pub(crate) fn prepare(&mut self, row_count: usize, spare: &mut Vec<Pages<Option<A>>>) {
        let worth_it = self.filled * ROWS_PER_ENTRY >= row_count;
        match &mut self.table {
            Table::Dense(rows) if worth_it || rows.len() >= row_count => rows.grow_to(row_count, || None),
            // Rows have become many since the pane was filled; twice the limit, so that it does not go to and fro.
            Table::Dense(_) if self.filled * ROWS_PER_ENTRY * 2 < row_count => self.thin_out(),
            Table::Dense(rows) => rows.grow_to(row_count, || None),
            Table::Sparse(_) if worth_it => self.fill_out(row_count, spare.pop().unwrap_or_default()),
            Table::Sparse(_) => {}
        }
    }

    fn thin_out(&mut self) {
        if let Table::Dense(rows) = &mut self.table {
            let len = rows.len() as RowId;
            let mut entries = SparseRows::default();
            for row in 0..len {
                if let Some(acc) = take_from(rows, row) {
                    entries.insert(row, acc);
                }
            }
            self.table = Table::Sparse(entries);
        }
    }

    #[cold]
    fn fill_out(&mut self, row_count: usize, mut rows: Pages<Option<A>>) {
        if let Table::Sparse(entries) = &mut self.table {
            rows.grow_to(row_count, || None);
            let filled: Vec<RowId> = entries.rows().collect();
            for row in filled {
                *rows.get_mut(row) = entries.take(row);
            }
            self.table = Table::Dense(rows);
        }
    }

    /// The accumulators by row number, and the count of rows to keep up, if the pane is an array.
    #[inline]
    pub(crate) fn dense(&mut self) -> Option<(&mut Pages<Option<A>>, &mut usize)> {
        match &mut self.table {
            Table::Dense(rows) => Some((rows, &mut self.filled)),
            Table::Sparse(_) => None,
        }
    }

    /// How many rows are in the pane.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// Whether a map of the pane has so many entries that it should be an array.
    pub(crate) fn is_cramped(&self, row_count: usize) -> bool {
        matches!(self.table, Table::Sparse(_)) && self.filled * ROWS_PER_ENTRY >= row_count
    }

    #[inline]
    pub(crate) fn get(&self, row: RowId) -> Option<&A> {
        match &self.table {
            Table::Sparse(entries) => entries.get(row),
            Table::Dense(rows) if (row as usize) < rows.len() => rows.get(row).as_ref(),
            Table::Dense(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, row: RowId) -> Option<&mut A> {
        match &mut self.table {
            Table::Sparse(entries) => entries.get_mut(row),
            Table::Dense(rows) if (row as usize) < rows.len() => rows.get_mut(row).as_mut(),
            Table::Dense(_) => None,
        }
    }

    /// Puts a row in that is not in the pane yet.
    pub(crate) fn insert(&mut self, row: RowId, acc: A) {
        self.filled += 1;
        match &mut self.table {
            Table::Sparse(entries) => entries.insert(row, acc),
            Table::Dense(rows) => {
                rows.grow_to(row as usize + 1, || None);
                *rows.get_mut(row) = Some(acc);
            }
        }
    }

    /// Takes a row out.
    pub(crate) fn take(&mut self, row: RowId) -> Option<A> {
        let taken = match &mut self.table {
            Table::Sparse(entries) => entries.take(row),
            Table::Dense(rows) if (row as usize) < rows.len() => take_from(rows, row),
            Table::Dense(_) => None,
        };
        self.filled -= usize::from(taken.is_some());
        taken
    }

    /// Appends the rows in the pane to `rows`; answers whether they are in order.
    pub(crate) fn list_rows(&self, rows: &mut Vec<RowId>) -> bool {
        match &self.table {
            Table::Sparse(entries) => {
                rows.extend(entries.rows());
                false
            }
            Table::Dense(array) => {
                rows.extend((0..array.len() as RowId).filter(|row| array.get(*row).is_some()));
                true
            }
        }
    }

    /// Merges what the pane holds of `rows` into the accumulators of those rows.
    pub(crate) fn merge_into(&self, rows: &[RowId], accs: &mut [Option<A>], merge: impl Fn(&mut A, A)) {
        for (row, acc) in rows.iter().zip(accs) {
            match (self.get(*row), acc) {
                (Some(other), Some(acc)) => merge(acc, other.clone()),
                (Some(other), vacant) => *vacant = Some(other.clone()),
                (None, _) => {}
            }
        }
    }

    /// Gives up the pane, and its array, if it has one and is empty, to the next pane that needs one.
    pub(crate) fn recycle(self, spare: &mut Vec<Pages<Option<A>>>) {
        if let Table::Dense(rows) = self.table
            && self.filled == 0
            && spare.is_empty()
        {
            spare.push(rows);
        }
    }

    /// Whether a frozen version is still being read.
    pub(crate) fn is_frozen(&self) -> bool {
        match &self.table {
            Table::Sparse(entries) => entries.is_frozen(),
            Table::Dense(rows) => rows.is_frozen(),
        }
    }

    /// The pane as it is now, for another thread to read.
    pub(crate) fn freeze(&mut self) -> FrozenPane<A> {
        match &mut self.table {
            Table::Sparse(entries) => FrozenPane::Sparse(entries.freeze()),
            Table::Dense(rows) => FrozenPane::Dense(rows.freeze()),
        }
    }
}

/// Takes an element out; one that is not there does not dirty its page.
fn take_from<A: Clone>(rows: &mut Pages<Option<A>>, row: RowId) -> Option<A> {
    rows.get(row).as_ref()?;
    rows.get_mut(row).take()
}

/// What a pane held of each row when it was frozen.
pub(crate) enum FrozenPane<A> {
    Sparse(Frozen<(RowId, Option<A>)>),
    Dense(Frozen<Option<A>>),
}

impl<A> FrozenPane<A> {
    /// Hands on the rows in the pane with what it held of them.
    pub(crate) fn try_for_each<E>(&self, mut call: impl FnMut(RowId, &A) -> Result<(), E>) -> Result<(), E> {
        let mut visit = |row: RowId, acc: &Option<A>| acc.as_ref().map_or(Ok(()), |acc| call(row, acc));
        match self {
            Self::Sparse(entries) => (0..entries.len() as u32).try_for_each(|place| {
                let (row, acc) = entries.get(place);
                visit(*row, acc)
            }),
            Self::Dense(rows) => (0..rows.len() as RowId).try_for_each(|row| visit(row, rows.get(row))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_an_array_only_when_well_filled() {
        let mut pane = Pane::default();
        let mut spare = Vec::new();
        for row in 0..100 {
            pane.insert(row * 10, u64::from(row));
        }
        pane.prepare(1000, &mut spare);
        assert!(pane.dense().is_none());
        for row in 0..100 {
            pane.insert(row * 10 + 1, 0);
        }
        pane.prepare(1000, &mut spare);
        assert!(pane.dense().is_some());
        assert_eq!((pane.get(990), pane.get(995), pane.len()), (Some(&99), None, 200));
    }

    #[test]
    fn a_pane_is_no_array_for_rows_that_came_later() {
        let mut pane = Pane::default();
        let mut spare = Vec::new();
        (0..10).for_each(|row| pane.insert(row, row));
        pane.prepare(10, &mut spare);
        assert!(pane.dense().is_some());
        pane.prepare(100_000, &mut spare);
        assert!(pane.dense().is_none());
        assert_eq!(pane.get(9), Some(&9));
        assert_eq!((pane.take(9), pane.get(9), pane.len()), (Some(9), None, 9));
    }
}
