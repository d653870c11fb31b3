//! Keys that nothing is kept for any more.

use crate::data::Key;
use crate::state::{KeyIndex, RowId};

/// Rows that have become unused, to be forgotten a turn later: most keys come back with the next window, and
/// forgetting a key and numbering it again costs more than waiting.
///
/// A row may be noted more than once, and may be in use again when its turn comes.
#[derive(Debug, Default)]
pub(crate) struct UnusedRows {
    noted: Vec<RowId>,
    /// Noted before the last turn.
    leaving: Vec<RowId>,
}

impl UnusedRows {
    /// Notes that nothing is kept for a row.
    #[inline]
    pub(crate) fn note(&mut self, row: RowId) {
        self.noted.push(row);
    }

    /// Forgets the keys that were noted before the last turn. Not to be called while a batch's rows are in hand.
    pub(crate) fn turn<K: Key>(&mut self, keys: &mut KeyIndex<K>, is_used: impl Fn(RowId) -> bool) {
        for row in self.leaving.drain(..) {
            if !is_used(row) {
                keys.remove(row);
            }
        }
        std::mem::swap(&mut self.noted, &mut self.leaving);
    }

    /// Takes a turn if more rows have been noted than there are, so that the notes are bounded without a watermark too.
    pub(crate) fn relieve<K: Key>(&mut self, keys: &mut KeyIndex<K>, is_used: impl Fn(RowId) -> bool) {
        if self.noted.len() > keys.row_count() {
            self.turn(keys, is_used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::hash::stable_hash;

    #[test]
    fn a_key_that_comes_back_keeps_its_number() {
        let mut keys = KeyIndex::default();
        let row = |keys: &mut KeyIndex<u64>, key| keys.find_or_insert(stable_hash(&key), &key);
        let (gone, back) = (row(&mut keys, 1), row(&mut keys, 2));
        let mut unused = UnusedRows::default();
        unused.note(gone);
        unused.note(back);
        unused.turn(&mut keys, |_| false);
        assert_eq!(keys.len(), 2);
        unused.turn(&mut keys, |row| row == back);
        assert_eq!((keys.len(), row(&mut keys, 2)), (1, back));
    }
}
