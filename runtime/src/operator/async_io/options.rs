//! How an asynchronous operator goes about its requests.

use std::time::Duration;

use super::RetryStrategy;
use crate::operator::beside::Order;

/// Records in flight per subtask unless the operator says otherwise.
pub const DEFAULT_CAPACITY: usize = 100;

/// In which order results are handed on, how many records may be in flight, how long each may take, and what is tried again.
/// `U` is the type of the results.
///
/// ```
/// use millstream::operator::{AsyncOptions, RetryStrategy};
/// use std::time::Duration;
///
/// let options: AsyncOptions<String> = AsyncOptions::unordered()
///     .capacity(50)
///     .timeout(Duration::from_secs(1))
///     .retry(RetryStrategy::fixed_delay(3, Duration::from_millis(100)));
/// ```
pub struct AsyncOptions<U> {
    pub(crate) order: Order,
    pub(crate) capacity: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: RetryStrategy<U>,
}

impl<U> AsyncOptions<U> {
    fn new(order: Order) -> Self {
        Self { order, capacity: DEFAULT_CAPACITY, timeout: None, retry: RetryStrategy::none() }
    }

    /// Results keep the order of the records.
    pub fn ordered() -> Self {
        Self::new(Order::Ordered)
    }

    /// Results are handed on as they come. They overtake each other between two watermarks only.
    pub fn unordered() -> Self {
        Self::new(Order::Unordered)
    }

    /// How many records of each subtask may be in flight at a time, results that wait for their turn included; then the
    /// operator takes in no more.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// How long a record may take, retries included; for ever, unless this is called.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What is tried again, and when; nothing, unless this is called.
    #[must_use]
    pub fn retry(mut self, retry: RetryStrategy<U>) -> Self {
        self.retry = retry;
        self
    }

    /// A setting that cannot be, and what to write instead.
    pub(crate) fn invalid(&self) -> Option<String> {
        if self.capacity == 0 {
            return Some("0 records in flight: allow at least 1 by `capacity`".to_owned());
        }
        if self.timeout == Some(Duration::ZERO) {
            return Some("a timeout of 0: allow some time, or set none".to_owned());
        }
        self.retry.invalid()
    }
}

impl<U> Clone for AsyncOptions<U> {
    fn clone(&self) -> Self {
        Self { order: self.order, capacity: self.capacity, timeout: self.timeout, retry: self.retry.clone() }
    }
}

impl<U> std::fmt::Debug for AsyncOptions<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { order, capacity, timeout, retry } = self;
        f.debug_struct("AsyncOptions")
            .field("order", order)
            .field("capacity", capacity)
            .field("timeout", timeout)
            .field("retry", retry)
            .finish()
    }
}
