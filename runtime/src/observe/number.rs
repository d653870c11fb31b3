//! Numbers as people read them.

use std::time::Duration;

/// With a comma between thousands: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of `count` there were each second, rounded: `12,345/s`.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> String {
    let rate = count as f64 / elapsed.as_secs_f64().max(1e-9);
    format!("{}/s", grouped(rate.round() as u64))
}

/// A duration in the unit that suits it: `250 ms`, `12.3 s`, `4 min 05 s`, `2 h 05 min`.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0 => format!("{} ms", elapsed.as_millis()),
        1..60 => format!("{:.1} s", elapsed.as_millis() as f64 / 1000.0),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_rate_is_rounded_and_never_divides_by_zero() {
        assert_eq!(per_second(5_000, Duration::from_millis(1_500)), "3,333/s");
        assert_eq!(per_second(0, Duration::ZERO), "0/s");
    }

    #[test]
    fn a_duration_has_the_unit_that_suits_it() {
        for (millis, text) in [(250, "250 ms"), (12_340, "12.3 s"), (245_000, "4 min 05 s"), (7_500_000, "2 h 05 min")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
