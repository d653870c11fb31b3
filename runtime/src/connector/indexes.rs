//! Splits of a sequence of numbered records: what collections and generators are made of.
//!
//! With n splits, split k holds the records k, k + n, k + 2n, ... So the readers move through the sequence side by
//! side, and event times that rise along it rise alike in all of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Assignment, Enumerator, Read, ReadBuffer, Reader, ReaderContext, SourceError, Split};
use crate::channel::size::SizeEstimate;
use crate::data::Data;

/// Every so-manieth index, from the next to be read up to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSplit {
    id: Arc<str>,
    /// Its place among the splits; the reader of the same number gets it.
    number: u64,
    /// The index to read next.
    next: u64,
    /// The distance between two indexes; the number of splits.
    step: u64,
    /// The first index of the sequence that does not exist.
    end: u64,
}

impl IndexSplit {
    /// How many indexes are left.
    fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.next).div_ceil(self.step)
    }

    fn advance(&mut self, count: u64) {
        self.next = self.next.saturating_add(self.step.saturating_mul(count));
    }
}

impl Split for IndexSplit {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }
}

/// A run of indexes within one split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Indexes {
    first: u64,
    step: u64,
    count: u64,
}

impl Indexes {
    /// What `function` makes of each index; a loop over it is as tight as one over a range.
    #[inline]
    pub(crate) fn map<T>(self, mut function: impl FnMut(u64) -> T) -> impl Iterator<Item = T> {
        let mut next = self.first;
        (0..self.count).map(move |_| {
            let index = next;
            // Wraps only after the last index there is.
            next = next.wrapping_add(self.step);
            function(index)
        })
    }
}

/// Makes the records of a run of indexes, in one virtual call.
pub(crate) trait Records<T>: Send + Sync + 'static {
    fn read(&self, indexes: Indexes, out: &mut ReadBuffer<T>);
}

/// Cuts the sequence into as many splits as there are readers when the first of them asks.
#[derive(Debug)]
pub struct IndexEnumerator {
    end: u64,
    state: IndexEnumeratorState,
}

/// What an [`IndexEnumerator`] remembers: the splits not handed out, once the sequence has been cut.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct IndexEnumeratorState {
    pending: Option<Vec<IndexSplit>>,
}

impl IndexEnumerator {
    /// Of the indexes below `end`.
    pub(crate) fn new(end: u64, restored: Option<IndexEnumeratorState>) -> Self {
        Self { end, state: restored.unwrap_or_default() }
    }
}

fn cut(end: u64, parallelism: usize) -> Vec<IndexSplit> {
    let step = (parallelism as u64).min(end).max(1);
    let splits = (0..step).map(|number| IndexSplit {
        id: format!("{number} of {step}").into(),
        number,
        next: number,
        step,
        end,
    });
    splits.filter(|split| split.remaining() > 0).collect()
}

impl Enumerator for IndexEnumerator {
    type Split = IndexSplit;
    type State = IndexEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn next(&mut self, reader: &ReaderContext) -> Assignment<IndexSplit> {
        let parallelism = reader.parallelism.max(1);
        let pending = self.state.pending.get_or_insert_with(|| cut(self.end, parallelism));
        let own = |split: &mut IndexSplit| split.number % parallelism as u64 == reader.subtask as u64;
        let splits: Vec<_> = pending.extract_if(.., own).collect();
        if splits.is_empty() { Assignment::End } else { Assignment::Splits(splits) }
    }

    fn give_back(&mut self, splits: Vec<IndexSplit>) {
        self.state.pending.get_or_insert_default().extend(splits);
    }

    fn snapshot(&self) -> IndexEnumeratorState {
        self.state.clone()
    }
}

/// When a reader is asked again all of whose splits are held.
const HELD_WAIT: Duration = Duration::from_millis(10);

/// Reads its splits in turns, a batch from each.
pub struct IndexReader<T> {
    records: Arc<dyn Records<T>>,
    splits: VecDeque<IndexSplit>,
    /// Of these, the ids of those that are left out.
    held: BTreeSet<Arc<str>>,
    size: SizeEstimate,
    /// How many records the next read may make; one until the size of a record is known.
    max_records: usize,
}

impl<T: Data> IndexReader<T> {
    pub(crate) fn new(records: Arc<dyn Records<T>>) -> Self {
        let size = SizeEstimate::new::<T>();
        let max_records = if std::mem::needs_drop::<T>() { 1 } else { size.batch_records() };
        Self { records, splits: VecDeque::new(), held: BTreeSet::new(), size, max_records }
    }
}

impl<T: Data> Reader for IndexReader<T> {
    type Out = T;
    type Split = IndexSplit;

    fn add(&mut self, split: IndexSplit) -> Result<(), SourceError> {
        self.splits.push_back(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<T>) -> Result<Read, SourceError> {
        if self.splits.is_empty() {
            return Ok(Read::NoSplits);
        }
        let next = self.splits.iter().position(|split| !self.held.contains(&split.id));
        let Some(mut split) = next.and_then(|next| self.splits.remove(next)) else {
            return Ok(Read::Paused(HELD_WAIT));
        };
        let before = out.len();
        let count = split.remaining().min(out.room().min(self.max_records) as u64);
        self.records.read(Indexes { first: split.next, step: split.step, count }, out);
        self.size.sample(&out.values()[before..]);
        self.max_records = self.size.batch_records();
        split.advance(count);
        let id = Arc::clone(&split.id);
        if split.remaining() == 0 {
            return Ok(Read::EndOf(id));
        }
        self.splits.push_back(split);
        Ok(Read::From(id))
    }

    fn hold(&mut self, splits: &BTreeSet<Arc<str>>) -> Result<bool, SourceError> {
        self.held.clone_from(splits);
        Ok(true)
    }

    fn position(&self, split: &str) -> Option<IndexSplit> {
        self.splits.iter().find(|own| own.id() == split).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(subtask: usize, parallelism: usize) -> ReaderContext {
        ReaderContext { subtask, parallelism }
    }

    #[test]
    fn each_reader_gets_its_own_split_and_the_end_is_said() {
        let mut enumerator = IndexEnumerator::new(u64::MAX, None);
        for subtask in [1, 0] {
            let Assignment::Splits(splits) = enumerator.next(&reader(subtask, 2)) else { panic!("no splits") };
            assert_eq!(splits.iter().map(|split| split.next).collect::<Vec<_>>(), [subtask as u64]);
        }
        assert_eq!(enumerator.next(&reader(0, 2)), Assignment::End);
    }

    #[test]
    fn a_split_waits_for_its_own_reader() {
        let mut enumerator = IndexEnumerator::new(100, None);
        assert!(matches!(enumerator.next(&reader(0, 3)), Assignment::Splits(_)));
        let mut restored = IndexEnumerator::new(100, Some(enumerator.snapshot()));
        let Assignment::Splits(splits) = restored.next(&reader(0, 2)) else { panic!("no splits") };
        assert_eq!(splits.iter().map(|split| split.id()).collect::<Vec<_>>(), ["2 of 3"]);
        assert_eq!(restored.next(&reader(0, 2)), Assignment::End);
        let Assignment::Splits(splits) = restored.next(&reader(1, 2)) else { panic!("no splits") };
        assert_eq!(splits.iter().map(|split| split.id()).collect::<Vec<_>>(), ["1 of 3"]);
    }

    #[test]
    fn endless_splits_given_back_are_all_handed_out_to_fewer_readers() {
        let mut enumerator = IndexEnumerator::new(u64::MAX, None);
        let all: Vec<_> = (0..4)
            .flat_map(|subtask| match enumerator.next(&reader(subtask, 4)) {
                Assignment::Splits(splits) => splits,
                _ => Vec::new(),
            })
            .collect();
        enumerator.give_back(all);
        for subtask in 0..2 {
            let Assignment::Splits(splits) = enumerator.next(&reader(subtask, 2)) else { panic!("no splits") };
            assert_eq!(splits.len(), 2);
        }
    }

    #[test]
    fn a_split_that_is_held_is_left_unread() {
        struct Count;
        impl Records<u64> for Count {
            fn read(&self, indexes: Indexes, out: &mut ReadBuffer<u64>) {
                out.extend(indexes.map(|index| index));
            }
        }
        let mut index_reader = IndexReader::new(Arc::new(Count));
        cut(10_000_000, 2).into_iter().for_each(|split| index_reader.add(split).unwrap());
        let mut read = || index_reader.read(&mut ReadBuffer::default()).unwrap();
        let first = read();
        assert_ne!(read(), first);
        let Read::From(id) = first.clone() else { panic!("no record") };
        assert!(index_reader.hold(&BTreeSet::from([id])).unwrap());
        let mut read = || index_reader.read(&mut ReadBuffer::default()).unwrap();
        assert_ne!(read(), first);
        assert_ne!(read(), first);
        let all = cut(10_000_000, 2).into_iter().map(|split| split.id).collect();
        index_reader.hold(&all).unwrap();
        assert!(matches!(index_reader.read(&mut ReadBuffer::default()).unwrap(), Read::Paused(_)));
    }

    #[test]
    fn nothing_to_cut_makes_no_split() {
        assert!(cut(0, 4).is_empty());
        assert_eq!(cut(3, 8).len(), 3);
    }
}
