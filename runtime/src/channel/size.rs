//! How many bytes the records of a stream take, by sampling.
//!
//! Queues are bounded in bytes as well as in records. The size of a type without heap data is known; of any other,
//! a few records of each batch are serialized into a counter.

use std::io;

use serde::Serialize;

/// Most records in a batch.
pub(crate) const MAX_BATCH_RECORDS: usize = 1024;
/// A batch is full once its records take about this much.
pub(crate) const MAX_BATCH_BYTES: usize = 256 * 1024;
/// How many records of a batch are measured.
const SAMPLES: usize = 2;

/// A running estimate of the mean size of a stream's records.
#[derive(Debug, Clone)]
pub(crate) struct SizeEstimate {
    bytes_per_record: usize,
}

impl SizeEstimate {
    /// Starts from the size of the type itself.
    pub(crate) fn new<T>() -> Self {
        Self { bytes_per_record: size_of::<T>() + size_of::<i64>() }
    }

    /// Measures the ends of a batch (the last record as well as the first, since sizes often drift).
    pub(crate) fn sample<T: Serialize>(&mut self, values: &[T]) {
        if !std::mem::needs_drop::<T>() || values.is_empty() {
            return;
        }
        let shell = size_of::<T>() + size_of::<i64>();
        let step = (values.len() / SAMPLES).max(1);
        let measured = values.iter().rev().step_by(step).take(SAMPLES).map(|value| shell + encoded_len(value));
        let mean = measured.clone().sum::<usize>() / measured.count().max(1);
        // Rises at once, so that a run of large records is bounded from its first batch; falls slowly.
        self.bytes_per_record =
            if mean > self.bytes_per_record { mean } else { (self.bytes_per_record * 7 + mean) / 8 };
    }

    /// How many records fill a batch.
    pub(crate) fn batch_records(&self) -> usize {
        (MAX_BATCH_BYTES / self.bytes_per_record).clamp(1, MAX_BATCH_RECORDS)
    }

    /// The estimated size of so many records.
    pub(crate) fn bytes(&self, records: usize) -> usize {
        self.bytes_per_record * records
    }
}

/// The length of a value's wire form; zero if it does not serialize (sending it will say why).
fn encoded_len<T: Serialize>(value: &T) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match rmp_serde::encode::write(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_records_make_small_batches_at_once() {
        let mut estimate = SizeEstimate::new::<String>();
        assert_eq!(estimate.batch_records(), MAX_BATCH_RECORDS);
        estimate.sample(&["x".repeat(1 << 20)]);
        assert_eq!(estimate.batch_records(), 1);
    }

    #[test]
    fn plain_types_are_not_measured() {
        let mut estimate = SizeEstimate::new::<u64>();
        estimate.sample(&[1u64, 2]);
        assert_eq!(estimate.bytes(10), 160);
    }
}
