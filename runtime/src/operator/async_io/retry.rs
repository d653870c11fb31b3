//! Which requests are repeated, and when.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which requests are repeated, how often, and after what delay. Every error counts as worth a retry, and no result does,
/// unless it is said otherwise. When there is nothing left to try, the last result or error stands.
///
/// ```
/// use millstream::operator::RetryStrategy;
/// use std::time::Duration;
///
/// let (first, longest) = (Duration::from_millis(100), Duration::from_secs(10));
/// let retry: RetryStrategy<String> = RetryStrategy::exponential_backoff(5, first, longest)
///     .if_error(|error| error.is::<std::io::Error>())
///     .if_result(|names| names.is_empty());
/// ```
pub struct RetryStrategy<U> {
    /// How many calls may follow the first.
    retries: u32,
    backoff: Backoff,
    if_error: Predicate<anyhow::Error>,
    if_result: Predicate<[U]>,
}

type Predicate<A> = Arc<dyn Fn(&A) -> bool + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Backoff {
    Fixed(Duration),
    Exponential { initial: Duration, max: Duration, multiplier: f64 },
}

impl<U> RetryStrategy<U> {
    fn new(retries: u32, backoff: Backoff) -> Self {
        Self { retries, backoff, if_error: Arc::new(|_| true), if_result: Arc::new(|_| false) }
    }

    /// Nothing is repeated.
    pub fn none() -> Self {
        Self::new(0, Backoff::Fixed(Duration::ZERO))
    }

    /// Up to `retries` further calls, each after the same delay.
    pub fn fixed_delay(retries: u32, delay: Duration) -> Self {
        Self::new(retries, Backoff::Fixed(delay))
    }

    /// Up to `retries` further calls: the first after `initial`, each next one after twice the delay before, up to `max`.
    pub fn exponential_backoff(retries: u32, initial: Duration, max: Duration) -> Self {
        Self::new(retries, Backoff::Exponential { initial, max, multiplier: 2.0 })
    }

    /// By how much the delays of an exponential backoff grow; 2 unless this is called.
    #[must_use]
    pub fn multiplier(mut self, factor: f64) -> Self {
        if let Backoff::Exponential { multiplier, .. } = &mut self.backoff {
            *multiplier = factor;
        }
        self
    }

    /// Which errors are worth a retry.
    #[must_use]
    pub fn if_error(mut self, predicate: impl Fn(&anyhow::Error) -> bool + Send + Sync + 'static) -> Self {
        self.if_error = Arc::new(predicate);
        self
    }

    /// Which results are worth a retry.
    #[must_use]
    pub fn if_result(mut self, predicate: impl Fn(&[U]) -> bool + Send + Sync + 'static) -> Self {
        self.if_result = Arc::new(predicate);
        self
    }

    /// How long to wait for the next call of a record that has been tried again `retried` times; `None` if the answer stands.
    pub(super) fn delay_after(&self, retried: u32, answer: Result<&[U], &anyhow::Error>) -> Option<Duration> {
        let is_worth_it = || match answer {
            Ok(results) => (self.if_result)(results),
            Err(error) => (self.if_error)(error),
        };
        (retried < self.retries && is_worth_it()).then(|| match self.backoff {
            Backoff::Fixed(delay) => delay,
            Backoff::Exponential { initial, max, multiplier } => {
                let exponent = i32::try_from(retried).unwrap_or(i32::MAX);
                let seconds = initial.as_secs_f64() * multiplier.powi(exponent);
                Duration::try_from_secs_f64(seconds).unwrap_or(max).min(max)
            }
        })
    }

    pub(super) fn invalid(&self) -> Option<String> {
        match self.backoff {
            Backoff::Exponential { multiplier, .. } if !(multiplier >= 1.0 && multiplier.is_finite()) => {
                Some(format!("retries whose delay is multiplied by {multiplier}: write a number from 1 on"))
            }
            Backoff::Exponential { initial, max, .. } if initial > max => {
                Some(format!("retries after {initial:?} at first and {max:?} at most: raise the longest delay"))
            }
            _ => None,
        }
    }
}

impl<U> Clone for RetryStrategy<U> {
    fn clone(&self) -> Self {
        Self {
            retries: self.retries,
            backoff: self.backoff,
            if_error: Arc::clone(&self.if_error),
            if_result: Arc::clone(&self.if_result),
        }
    }
}

impl<U> fmt::Debug for RetryStrategy<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStrategy")
            .field("retries", &self.retries)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn delays<U>(retry: &RetryStrategy<U>) -> Vec<Duration> {
        let error = anyhow::anyhow!("busy");
        (0..9).map_while(|retried| retry.delay_after(retried, Err(&error))).collect()
    }

    #[test]
    fn delays_are_equal_or_grow_up_to_a_limit() {
        assert_eq!(delays(&RetryStrategy::<u64>::none()), []);
        assert_eq!(delays(&RetryStrategy::<u64>::fixed_delay(2, 5 * MS)), [5 * MS, 5 * MS]);
        let backoff = RetryStrategy::<u64>::exponential_backoff(5, MS, 10 * MS);
        assert_eq!(delays(&backoff), [MS, 2 * MS, 4 * MS, 8 * MS, 10 * MS]);
        assert_eq!(delays(&backoff.multiplier(10.0)), [MS, 10 * MS, 10 * MS, 10 * MS, 10 * MS]);
    }

    #[test]
    fn what_is_repeated_is_told_by_predicates() {
        let retry = RetryStrategy::fixed_delay(1, MS);
        assert_eq!(retry.delay_after(0, Ok(&[1])), None);
        let retry = retry.if_error(|error| error.to_string() == "busy").if_result(|results: &[u64]| results.is_empty());
        assert_eq!(retry.delay_after(0, Err(&anyhow::anyhow!("gone"))), None);
        assert_eq!(retry.delay_after(0, Err(&anyhow::anyhow!("busy"))), Some(MS));
        assert_eq!(retry.delay_after(0, Ok(&[1])), None);
        assert_eq!(retry.delay_after(0, Ok(&[])), Some(MS));
        assert_eq!(retry.delay_after(1, Ok(&[])), None);
    }

    #[test]
    fn a_backoff_that_shrinks_is_refused() {
        let backoff = || RetryStrategy::<u64>::exponential_backoff(1, MS, 10 * MS);
        assert_eq!(backoff().invalid(), None);
        assert!(backoff().multiplier(0.5).invalid().is_some_and(|reason| reason.contains("0.5")));
        let reversed = RetryStrategy::<u64>::exponential_backoff(1, 10 * MS, MS);
        assert!(reversed.invalid().is_some_and(|reason| reason.contains("10ms")));
    }
}
