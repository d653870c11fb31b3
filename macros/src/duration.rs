//! Durations: text such as `"10 s"`, parsed when the job is compiled, or any expression of type `Duration`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit};

use crate::diagnostics::Diagnostics;

/// Units by their names, in nanoseconds.
const UNITS: &[(&[&str], u128)] = &[
    (&["ns", "nanos"], 1),
    (&["us", "µs", "micros"], 1_000),
    (&["ms", "millis", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000_000_000),
    (&["m", "min", "mins", "minute", "minutes"], 60 * 1_000_000_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * 1_000_000_000),
    (&["d", "day", "days"], 86_400 * 1_000_000_000),
    (&["w", "week", "weeks"], 7 * 86_400 * 1_000_000_000),
];

/// The expression of a duration that was written as the value of `key`.
///
/// A literal that is no duration is reported, and stands for zero.
pub(crate) fn duration(key: &str, value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    let Expr::Lit(ExprLit { lit, .. }) = value else { return value.to_token_stream() };
    let duration = match lit {
        Lit::Str(text) => parse(&text.value()),
        other => Err(format!("`{}` has no unit", other.to_token_stream())),
    };
    let duration = duration.unwrap_or_else(|reason| {
        let fix = "write a number and a unit, such as `\"10 s\"`, `\"1 min\"` or `\"200ms\"`, or an expression of type `Duration`";
        diagnostics.error(lit, format!("`{key}` is not a duration ({reason}): {fix}"));
        Duration::ZERO
    });
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote_spanned!(value.span()=> ::core::time::Duration::new(#seconds, #nanos))
}

/// Parses numbers with units; the error says what is wrong.
fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("the text is empty".to_owned());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| format!("`{rest}` does not begin with a whole number"))?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        total += u128::from(number) * nanos(number, unit)?;
        rest = after.trim_start();
    }
    let seconds = u64::try_from(total / 1_000_000_000).map_err(|_| format!("`{text}` is too long"))?;
    let nanos = u32::try_from(total % 1_000_000_000).expect("invariant: a remainder is less than the divisor");
    Ok(Duration::new(seconds, nanos))
}

fn nanos(number: u64, unit: &str) -> Result<u128, String> {
    let known = UNITS.iter().find(|(names, _)| names.contains(&unit));
    match known {
        Some((_, nanos)) => Ok(*nanos),
        None if unit.is_empty() && number == 0 => Ok(0),
        None if unit.is_empty() => Err(format!("`{number}` has no unit")),
        None => Err(format!("`{unit}` is no unit: units are ns, us, ms, s, min, h, day and week")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, millis: u64) {
        assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
    }

    #[test]
    fn a_number_and_a_unit_make_a_duration() {
        check("10 s", 10_000);
        check("200ms", 200);
        check("1 min", 60_000);
        check("1h 30m", 5_400_000);
        check("1 day", 86_400_000);
        check("2weeks", 14 * 86_400_000);
        check("0", 0);
    }

    #[test]
    fn what_is_wrong_with_a_duration_is_said() {
        assert!(parse("10 parsecs").is_err_and(|reason| reason.starts_with("`parsecs` is no unit")));
        assert!(parse("10").is_err_and(|reason| reason == "`10` has no unit"));
        assert!(parse("soon").is_err_and(|reason| reason.contains("whole number")));
        assert!(parse(" ").is_err_and(|reason| reason == "the text is empty"));
    }

    #[test]
    fn an_expression_is_left_as_it_is() {
        let mut diagnostics = Diagnostics::new();
        let tokens = duration("ttl", &syn::parse_quote!(limit * 2), &mut diagnostics);
        assert_eq!(tokens.to_string(), "limit * 2");
        assert!(diagnostics.into_messages().is_empty());
    }
}
