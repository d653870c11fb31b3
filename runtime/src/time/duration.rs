//! Durations written as text: `"10 s"`, `"1 min"`, `"1h 30m"`.

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a duration ({reason}): write a number and a unit, such as `10 s`, `1 min`, `48 h` or `200ms`")]
pub struct ParseDurationError {
    text: String,
    reason: String,
}

/// Parses a number with a unit from nanoseconds (`ns`) to days (`days`, `d`); several may follow one another.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(millstream::time::duration::parse("1 min 30 s").unwrap(), Duration::from_secs(90));
/// ```
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|error| ParseDurationError { text: text.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_duration_says_what_to_write() {
        let message = parse("10 parsecs").unwrap_err().to_string();
        assert!(message.contains("10 parsecs") && message.contains("such as `10 s`"), "{message}");
    }

    #[test]
    fn a_space_between_number_and_unit_is_optional() {
        assert_eq!(parse("48 h").unwrap(), parse("48h").unwrap());
        assert_eq!(parse("0").unwrap(), Duration::ZERO);
    }
}
