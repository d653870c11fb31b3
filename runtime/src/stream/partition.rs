//! How a stream's records are spread over the subtasks of the next operator.

use std::sync::Arc;

use super::Stream;
use crate::channel::partitioner::{Partitioning, Rule};
use crate::data::Data;

impl<T: Data> Stream<T> {
    fn partitioned(mut self, rule: &Rule<T>) -> Self {
        for origin in &mut self.origins {
            origin.rule = Some(rule.clone());
        }
        self
    }

    /// To the next operator's subtask with the same index; its parallelism must be the same.
    #[must_use]
    pub fn forward(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Forward))
    }

    /// Around all subtasks of the next operator, record by record.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([1, 2, 3]).rebalance().map(|n| n).parallelism(3).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [1, 2, 3]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn rebalance(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Rebalance))
    }

    /// Around the few subtasks of the next operator that fall to each sender if both are lined up.
    #[must_use]
    pub fn rescale(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Rescale))
    }

    /// To random subtasks of the next operator.
    #[must_use]
    pub fn shuffle(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Shuffle))
    }

    /// Every record to every subtask of the next operator.
    #[must_use]
    pub fn broadcast(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Broadcast))
    }

    /// All records to the first subtask of the next operator.
    #[must_use]
    pub fn global(self) -> Self {
        self.partitioned(&Rule::Blind(Partitioning::Global))
    }

    /// To the subtask that `pick` answers with, given the record and the number of subtasks; taken modulo that number.
    #[must_use]
    pub fn partition_by(self, pick: impl Fn(&T, usize) -> usize + Send + Sync + 'static) -> Self {
        self.partitioned(&Rule::Custom(Arc::new(pick)))
    }
}
