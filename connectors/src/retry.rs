//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause, unless a longer one is asked for.
const LONGEST: Duration = Duration::from_secs(2);

/// The pauses between tries: longer and longer ones, so long in all.
#[derive(Debug, Clone)]
pub(crate) struct Pauses {
    left: Duration,
    next: Duration,
}

impl Pauses {
    /// Pauses that take so long in all.
    pub(crate) fn new(total: Duration) -> Self {
        Self { left: total, next: FIRST }
    }

    /// The next pause, and one of at least this length, if time is left.
    pub(crate) fn next_of(&mut self, at_least: Duration) -> Option<Duration> {
        let pause = self.next.max(at_least).min(self.left);
        self.left -= pause;
        self.next = (self.next * 2).min(LONGEST);
        (!pause.is_zero()).then_some(pause)
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.next_of(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_as_long_as_allowed_in_all() {
        for total in [0, 1, 50, 1000, 30_000] {
            let pauses: Vec<u128> = Pauses::new(Duration::from_millis(total)).map(|pause| pause.as_millis()).collect();
            assert_eq!(pauses.iter().sum::<u128>(), u128::from(total));
            assert!(pauses.iter().rev().skip(1).is_sorted_by(|later, earlier| later >= earlier));
            assert!(pauses.iter().all(|pause| *pause <= 2000));
        }
    }

    #[test]
    fn a_pause_that_is_asked_for_counts_as_well() {
        let mut pauses = Pauses::new(Duration::from_secs(10));
        let mut next = |seconds| pauses.next_of(Duration::from_secs(seconds)).map(|pause| pause.as_secs());
        assert_eq!([next(6), next(60), next(60)], [Some(6), Some(4), None]);
    }
}
