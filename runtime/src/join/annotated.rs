//! What is made of pairs, as an operator: what `#[operator(join)]` makes of a function.

use super::ProcessJoin;
use crate::operator::OperatorOptions;

/// A [`ProcessJoin`] with what its annotation says of it.
///
/// ```
/// use millstream::join::{JoinOperator, ProcessJoin};
/// use millstream::operator::{OnError, OperatorOptions};
/// # use millstream::prelude::*;
/// # use millstream::join::Offset::After;
/// # fn job<J: ProcessJoin<Left = u32, Right = u32>>(paid: J, orders: KeyedStream<u32, u32>, payments: KeyedStream<u32, u32>) {
/// let operator = JoinOperator::new(paid, OperatorOptions::named("paid").uid("paid-1").on_error(OnError::Skip));
/// let bounds = (After(Duration::ZERO), After(Duration::from_secs(60)));
/// orders.interval_join(payments).between(bounds.0, bounds.1).apply_operator(operator);
/// # }
/// ```
#[must_use = "an operator does nothing until it is given to `.apply_operator(..)`"]
pub struct JoinOperator<J: ProcessJoin> {
    pub(crate) join: J,
    pub(crate) options: OperatorOptions<(J::Left, J::Right)>,
}

impl<J: ProcessJoin> JoinOperator<J> {
    /// Hands each pair to `join`.
    pub fn new(join: J, options: OperatorOptions<(J::Left, J::Right)>) -> Self {
        Self { join, options }
    }
}

impl<J: ProcessJoin> std::fmt::Debug for JoinOperator<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinOperator").field("options", &self.options).finish_non_exhaustive()
    }
}
