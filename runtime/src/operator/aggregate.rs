//! Functions that fold many records into one result.

use crate::data::Data;

/// Folds records into an accumulator and makes a result of it.
///
/// Laws, which windows rely on: `merge(a, b)` holds what adding the records of both to one accumulator gives, in
/// whichever order; `result` does not depend on how the records were spread over accumulators that were merged.
///
/// ```
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Mean;
///
/// impl Aggregate for Mean {
///     type In = i64;
///     type Acc = (i64, u64);
///     type Out = f64;
///     fn create(&self) -> (i64, u64) {
///         (0, 0)
///     }
///     fn add(&self, (sum, count): &mut (i64, u64), value: i64) {
///         *sum += value;
///         *count += 1;
///     }
///     fn merge(&self, (sum, count): &mut (i64, u64), other: (i64, u64)) {
///         *sum += other.0;
///         *count += other.1;
///     }
///     fn result(&self, (sum, count): &(i64, u64)) -> f64 {
///         *sum as f64 / *count as f64
///     }
/// }
/// ```
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// What comes in.
    type In: Data;
    /// What is kept while records come in.
    type Acc: Data;
    /// What goes out.
    type Out: Data;

    /// The accumulator of no records.
    fn create(&self) -> Self::Acc;
    /// Adds a record.
    fn add(&self, acc: &mut Self::Acc, value: Self::In);
    /// Adds the records of another accumulator.
    fn merge(&self, acc: &mut Self::Acc, other: Self::Acc);
    /// The result for the records added so far.
    fn result(&self, acc: &Self::Acc) -> Self::Out;
}
