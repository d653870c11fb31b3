//! Records computed from their number.

use std::sync::Arc;

use super::indexes::{IndexEnumerator, IndexEnumeratorState, IndexReader, IndexSplit, Indexes, Records};
use super::{Boundedness, RateLimited, ReadBuffer, ReaderContext, Source, SourceError};
use crate::data::Data;
use crate::time::Timestamp;

/// Makes the record of each index from 0, without end or so many of them.
///
/// The same indexes make the same records at any parallelism: with p readers, reader k makes the records k, k + p, ...
///
/// ```
/// use millstream::connector::{Boundedness, GeneratorSource, Source};
/// let squares = GeneratorSource::new(100, |index| index * index);
/// assert_eq!(squares.boundedness(), Boundedness::Bounded);
/// let numbers = GeneratorSource::new(None, |index| index).rate(1000.0);
/// assert_eq!(numbers.boundedness(), Boundedness::Unbounded);
/// ```
#[derive(Clone)]
pub struct GeneratorSource<T> {
    count: Option<u64>,
    records: Arc<dyn Records<T>>,
}

impl<T: Data> GeneratorSource<T> {
    /// `count` records, or records without end if it is `None`; `value` makes the record of an index.
    pub fn new<F>(count: impl Into<Option<u64>>, value: F) -> Self
    where
        F: Fn(u64) -> T + Send + Sync + 'static,
    {
        Self { count: count.into(), records: Arc::new(Computed(value)) }
    }

    /// Gives the record of each index an event time.
    ///
    /// ```
    /// use millstream::{connector::GeneratorSource, time::Timestamp};
    /// let one_per_second = GeneratorSource::new(60, |index| index)
    ///     .timestamps(|index| Timestamp::from_millis(1000 * index as i64));
    /// # let _ = one_per_second;
    /// ```
    #[must_use]
    pub fn timestamps<E>(self, event_time: E) -> Self
    where
        E: Fn(u64) -> Timestamp + Send + Sync + 'static,
    {
        Self { count: self.count, records: Arc::new(Timed { records: self.records, event_time }) }
    }

    /// Limits all readers together to so many records a second.
    pub fn rate(self, per_second: f64) -> RateLimited<Self> {
        RateLimited::new(self, per_second)
    }
}

impl<T: Data> Source for GeneratorSource<T> {
    type Out = T;
    type Split = IndexSplit;
    type Enumerator = IndexEnumerator;
    type Reader = IndexReader<T>;

    fn name(&self) -> String {
        "generator".to_owned()
    }

    fn boundedness(&self) -> Boundedness {
        if self.count.is_some() { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn may_block(&self) -> bool {
        false
    }

    fn assigns_ahead(&self) -> bool {
        true
    }

    fn enumerator(&self, restored: Option<IndexEnumeratorState>) -> Result<IndexEnumerator, SourceError> {
        Ok(IndexEnumerator::new(self.count.unwrap_or(u64::MAX), restored))
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<IndexReader<T>, SourceError> {
        Ok(IndexReader::new(Arc::clone(&self.records)))
    }
}

/// Records by a function of the index.
struct Computed<F>(F);

impl<T: 'static, F: Fn(u64) -> T + Send + Sync + 'static> Records<T> for Computed<F> {
    fn read(&self, indexes: Indexes, out: &mut ReadBuffer<T>) {
        out.extend(indexes.map(&self.0));
    }
}

/// Records with event times by a function of the index.
struct Timed<T, E> {
    records: Arc<dyn Records<T>>,
    event_time: E,
}

impl<T: 'static, E: Fn(u64) -> Timestamp + Send + Sync + 'static> Records<T> for Timed<T, E> {
    fn read(&self, indexes: Indexes, out: &mut ReadBuffer<T>) {
        let before = out.len();
        self.records.read(indexes, out);
        out.batch.assign_times(|_, times| {
            times.resize(before, Timestamp::MIN);
            times.extend(indexes.map(&self.event_time));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Assignment, Enumerator, Read, Reader};
    use crate::testing::conformance;

    fn first_read<T: Data>(source: &GeneratorSource<T>) -> ReadBuffer<T> {
        let ctx = ReaderContext { subtask: 0, parallelism: 1 };
        let Assignment::Splits(splits) = source.enumerator(None).unwrap().next(&ctx) else { panic!("no splits") };
        let mut reader = source.reader(ctx).unwrap();
        for split in splits {
            reader.add(split).unwrap();
        }
        let mut out = ReadBuffer::default();
        while !out.is_full() && matches!(reader.read(&mut out).unwrap(), Read::From(_)) {
            if out.len() > 1 {
                break;
            }
        }
        out
    }

    #[test]
    fn keeps_the_source_contract() {
        conformance::source(|| GeneratorSource::new(5000, |index| index * 3), (0..5000).map(|i| i * 3).collect());
        conformance::source(|| GeneratorSource::new(3, |index| format!("row {index}")), {
            vec!["row 0".to_owned(), "row 1".to_owned(), "row 2".to_owned()]
        });
        conformance::source(|| GeneratorSource::new(0, |index| index), Vec::new());
    }

    #[test]
    fn event_times_go_with_their_records() {
        let out = first_read(
            &GeneratorSource::new(3, |index| index).timestamps(|index| Timestamp::from_millis(10 * index as i64)),
        );
        assert_eq!(out.values(), [0, 1, 2]);
        assert_eq!(out.batch.times(), [0, 10, 20].map(Timestamp::from_millis));
    }

    #[test]
    fn large_records_fill_a_batch_by_their_bytes() {
        let out = first_read(&GeneratorSource::new(None, |_| "x".repeat(100_000)));
        assert!(out.len() <= 4, "{} records of 100 kB", out.len());
    }
}
