//! Whether and when a job that has failed starts again. Pure: told the time, it decides.

use std::collections::VecDeque;
use std::time::Duration;

/// What becomes of a job when a part of it fails.
#[derive(Debug, Clone, PartialEq)]
pub enum RestartStrategy {
    /// It fails.
    None,
    /// It starts again after a pause, so many times.
    FixedDelay {
        /// How often.
        attempts: u32,
        /// The pause.
        delay: Duration,
    },
    /// It starts again after a pause that grows with each failure, until it has run well for a while.
    ExponentialDelay {
        /// The first pause.
        initial: Duration,
        /// The longest pause.
        max: Duration,
        /// What each pause is multiplied by.
        multiplier: f64,
        /// After running so long without a failure, the first pause counts again.
        reset_after: Duration,
        /// How many failures in a row it may have; `None` for any number.
        attempts: Option<u32>,
    },
    /// It starts again after a pause, unless it has failed too often within a time.
    FailureRate {
        /// Most failures within the time.
        max_failures: u32,
        /// The time.
        within: Duration,
        /// The pause.
        delay: Duration,
    },
}

impl RestartStrategy {
    /// The default with checkpoints: from one second to one minute, for ever.
    pub const fn exponential() -> Self {
        Self::ExponentialDelay {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
            multiplier: 1.5,
            reset_after: Duration::from_secs(3600),
            attempts: None,
        }
    }
}

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Start again after so long.
    RestartAfter(Duration),
    /// Fail, for this reason.
    GiveUp(String),
}

/// The failures of a job so far.
#[derive(Debug)]
pub(crate) struct Restarts {
    strategy: RestartStrategy,
    /// When the job has failed, as far as it still counts, on the monotonic clock.
    failures: VecDeque<Duration>,
    /// How many failures in a row there were.
    in_a_row: u32,
}

impl Restarts {
    pub(crate) fn new(strategy: RestartStrategy) -> Self {
        Self { strategy, failures: VecDeque::new(), in_a_row: 0 }
    }

    /// Decides after a failure at `now`, on the monotonic clock.
    pub(crate) fn after_failure(&mut self, now: Duration) -> Decision {
        let last = self.failures.back().copied();
        self.failures.push_back(now);
        match &self.strategy {
            RestartStrategy::None => Decision::GiveUp("no restart strategy".to_owned()),
            RestartStrategy::FixedDelay { attempts, delay } => {
                self.in_a_row += 1;
                if self.in_a_row > *attempts {
                    return Decision::GiveUp(format!("it has been restarted {attempts} times"));
                }
                Decision::RestartAfter(*delay)
            }
            RestartStrategy::ExponentialDelay { initial, max, multiplier, reset_after, attempts } => {
                if last.is_some_and(|last| now.saturating_sub(last) >= *reset_after) {
                    self.in_a_row = 0;
                }
                self.failures.drain(..self.failures.len() - 1);
                let factor = multiplier.max(1.0).powi(i32::try_from(self.in_a_row).unwrap_or(i32::MAX));
                self.in_a_row = self.in_a_row.saturating_add(1);
                if attempts.is_some_and(|attempts| self.in_a_row > attempts) {
                    return Decision::GiveUp(format!("it has failed {} times in a row", self.in_a_row));
                }
                let delay = Duration::try_from_secs_f64(initial.as_secs_f64() * factor).unwrap_or(*max);
                Decision::RestartAfter(delay.min(*max))
            }
            RestartStrategy::FailureRate { max_failures, within, delay } => {
                while self.failures.front().is_some_and(|failure| now.saturating_sub(*failure) > *within) {
                    self.failures.pop_front();
                }
                if self.failures.len() > *max_failures as usize {
                    let count = self.failures.len();
                    return Decision::GiveUp(format!("it has failed {count} times within {within:?}"));
                }
                Decision::RestartAfter(*delay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The pauses after failures at these instants; `None` for giving up.
    #[track_caller]
    fn check(strategy: RestartStrategy, failures: &[u64], expected: &[Option<u64>]) {
        let mut restarts = Restarts::new(strategy);
        let decide = |at: &u64| match restarts.after_failure(secs(*at)) {
            Decision::RestartAfter(delay) => Some(delay.as_secs()),
            Decision::GiveUp(_) => None,
        };
        assert_eq!(failures.iter().map(decide).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn without_a_strategy_a_failure_is_final() {
        check(RestartStrategy::None, &[1], &[None]);
    }

    #[test]
    fn a_fixed_number_of_restarts_is_used_up() {
        let strategy = RestartStrategy::FixedDelay { attempts: 2, delay: secs(3) };
        check(strategy, &[1, 100, 10_000], &[Some(3), Some(3), None]);
    }

    #[test]
    fn pauses_grow_to_the_maximum_and_start_again_after_a_good_while() {
        let strategy = RestartStrategy::ExponentialDelay {
            initial: secs(1),
            max: secs(10),
            multiplier: 3.0,
            reset_after: secs(1000),
            attempts: None,
        };
        check(strategy, &[1, 2, 3, 4, 1003, 2003], &[Some(1), Some(3), Some(9), Some(10), Some(10), Some(1)]);
    }

    #[test]
    fn a_rate_counts_only_failures_within_its_time() {
        let strategy = RestartStrategy::FailureRate { max_failures: 2, within: secs(10), delay: secs(1) };
        check(strategy, &[1, 2, 20, 21, 22], &[Some(1), Some(1), Some(1), Some(1), None]);
    }
}
