//! A source of records that are in memory already.

use std::sync::Arc;

use super::indexes::{IndexEnumerator, IndexEnumeratorState, IndexReader, IndexSplit};
use super::{Boundedness, GeneratorSource, ReaderContext, Source, SourceError};
use crate::data::Data;
use crate::time::Timestamp;

/// The records of a vector, in order for a parallelism of one; with p readers, each reads every p-th.
///
/// ```
/// use millstream::connector::{CollectionSource, Source};
/// assert_eq!(CollectionSource::new(vec!["to", "be"].into_iter().map(String::from).collect()).name(), "collection");
/// ```
#[derive(Clone)]
pub struct CollectionSource<T>(GeneratorSource<T>);

impl<T: Data> CollectionSource<T> {
    /// Records without event times.
    pub fn new(values: Vec<T>) -> Self {
        let count = values.len() as u64;
        let values = Arc::new(values);
        Self(GeneratorSource::new(count, move |index| values[index as usize].clone()))
    }

    /// Records with event times.
    ///
    /// ```
    /// use millstream::{connector::CollectionSource, time::Timestamp};
    /// let source = CollectionSource::timestamped(vec![("late", 7), ("early", 3)].into_iter()
    ///     .map(|(word, time)| (word.to_owned(), Timestamp::from_millis(time))).collect());
    /// # let _ = source;
    /// ```
    pub fn timestamped(records: Vec<(T, Timestamp)>) -> Self {
        let (values, times): (Vec<T>, Vec<Timestamp>) = records.into_iter().unzip();
        Self(Self::new(values).0.timestamps(move |index| times[index as usize]))
    }
}

impl<T: Data> Source for CollectionSource<T> {
    type Out = T;
    type Split = IndexSplit;
    type Enumerator = IndexEnumerator;
    type Reader = IndexReader<T>;

    fn name(&self) -> String {
        "collection".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn may_block(&self) -> bool {
        false
    }

    fn assigns_ahead(&self) -> bool {
        true
    }

    fn enumerator(&self, restored: Option<IndexEnumeratorState>) -> Result<IndexEnumerator, SourceError> {
        self.0.enumerator(restored)
    }

    fn reader(&self, ctx: ReaderContext) -> Result<IndexReader<T>, SourceError> {
        self.0.reader(ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::conformance;

    #[test]
    fn keeps_the_source_contract() {
        for len in [0, 1, 2, 3000] {
            let values: Vec<String> = (0..len).map(|number| format!("record {number}")).collect();
            conformance::source(|| CollectionSource::new(values.clone()), values.clone());
        }
    }
}
