//! A source over values in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Assignment, Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, SourceError, Split};
use crate::data::Data;

/// The values of a collection; one split, read in order.
pub struct CollectionSource<T> {
    values: Arc<Vec<T>>,
}

impl<T> CollectionSource<T> {
    /// A source of these values.
    pub fn new(values: Vec<T>) -> Self {
        Self { values: Arc::new(values) }
    }
}

/// The rest of the collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectionSplit {
    next: usize,
}

impl Split for CollectionSplit {
    fn id(&self) -> &str {
        "collection"
    }
}

/// Hands out the one split.
pub struct CollectionEnumerator {
    splits: VecDeque<CollectionSplit>,
}

impl Enumerator for CollectionEnumerator {
    type Split = CollectionSplit;
    type State = Vec<CollectionSplit>;

    fn discover(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    fn next(&mut self, _reader: &ReaderContext) -> Assignment<CollectionSplit> {
        match self.splits.pop_front() {
            Some(split) => Assignment::Splits(vec![split]),
            None => Assignment::End,
        }
    }

    fn give_back(&mut self, splits: Vec<CollectionSplit>) {
        self.splits.extend(splits);
    }

    fn snapshot(&self) -> Self::State {
        self.splits.iter().cloned().collect()
    }
}

/// Reads the values.
pub struct CollectionReader<T> {
    values: Arc<Vec<T>>,
    split: Option<CollectionSplit>,
}

impl<T: Data> Reader for CollectionReader<T> {
    type Out = T;
    type Split = CollectionSplit;

    fn add(&mut self, split: CollectionSplit) -> Result<(), SourceError> {
        self.split = Some(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<T>) -> Result<Read, SourceError> {
        let Some(split) = &mut self.split else { return Ok(Read::NoSplits) };
        let id: Arc<str> = split.id().into();
        while !out.is_full() {
            let Some(value) = self.values.get(split.next) else {
                self.split = None;
                return Ok(Read::EndOf(id));
            };
            out.push(value.clone());
            split.next += 1;
        }
        Ok(Read::From(id))
    }

    fn position(&self, _split: &str) -> Option<CollectionSplit> {
        self.split.clone()
    }
}

impl<T: Data> Source for CollectionSource<T> {
    type Out = T;
    type Split = CollectionSplit;
    type Enumerator = CollectionEnumerator;
    type Reader = CollectionReader<T>;

    fn name(&self) -> String {
        "collection".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn may_block(&self) -> bool {
        false
    }

    fn enumerator(&self, restored: Option<Vec<CollectionSplit>>) -> Result<CollectionEnumerator, SourceError> {
        let splits = restored.unwrap_or_else(|| vec![CollectionSplit { next: 0 }]);
        Ok(CollectionEnumerator { splits: splits.into() })
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<CollectionReader<T>, SourceError> {
        Ok(CollectionReader { values: Arc::clone(&self.values), split: None })
    }
}
