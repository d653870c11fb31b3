//! The middle and the ends of a few measurements.

use serde::Serialize;

/// What several runs of the same thing gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even number, the mean of the middle two.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// The spread of `samples`; `None` if there are none.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let (min, max) = (*samples.first()?, *samples.last()?);
        let middle = samples.len() / 2;
        let median =
            if samples.len() % 2 == 1 { samples[middle] } else { f64::midpoint(samples[middle - 1], samples[middle]) };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: &[f64], median: f64, min: f64, max: f64) {
        assert_eq!(Spread::of(samples.iter().copied()), Some(Spread { median, min, max }));
    }

    #[test]
    fn the_median_does_not_depend_on_order() {
        check(&[5.0, 1.0, 9.0], 5.0, 1.0, 9.0);
        check(&[9.0, 5.0, 1.0], 5.0, 1.0, 9.0);
    }

    #[test]
    fn an_even_number_has_its_median_between_the_middle_two() {
        check(&[4.0, 1.0, 2.0, 100.0], 3.0, 1.0, 100.0);
        check(&[7.0], 7.0, 7.0, 7.0);
    }

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Spread::of([]), None);
    }
}
