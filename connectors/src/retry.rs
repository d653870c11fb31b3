//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// The pauses between tries: longer and longer ones, so long in all.
pub(crate) fn pauses(total: Duration) -> impl Iterator<Item = Duration> + Send + use<> {
    let mut left = total;
    let lengths = std::iter::successors(Some(FIRST), |pause| Some((*pause * 2).min(LONGEST)));
    lengths.map_while(move |pause| {
        let pause = pause.min(left);
        left -= pause;
        (!pause.is_zero()).then_some(pause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_as_long_as_allowed_in_all() {
        for total in [0, 1, 50, 1000, 30_000] {
            let pauses: Vec<u128> = pauses(Duration::from_millis(total)).map(|pause| pause.as_millis()).collect();
            assert_eq!(pauses.iter().sum::<u128>(), u128::from(total));
            assert!(pauses.iter().rev().skip(1).is_sorted_by(|later, earlier| later >= earlier));
            assert!(pauses.iter().all(|pause| *pause <= 2000));
        }
    }
}
