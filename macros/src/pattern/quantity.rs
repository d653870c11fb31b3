//! How often a stage is to match: its `times`, as far as they can be read.

use quote::ToTokens as _;
use syn::{Expr, ExprLit, Lit, RangeLimits};

use super::parse::Marked;
use crate::diagnostics::Diagnostics;
use crate::types::written;

/// How often a repeated stage is to match.
pub(crate) struct Repeat {
    /// An expression that makes a `Times`; `None` for `one_or_more`.
    pub(crate) times: Option<Expr>,
    /// The number, if it is one and can be read.
    pub(crate) fixed: Option<u32>,
    /// Whether there is an end; `None` if that cannot be read.
    pub(crate) is_loop: Option<bool>,
    /// Whether the stage may be left out, as far as that can be read.
    pub(crate) may_be_none: bool,
}

impl Repeat {
    /// Rule: how often is said once, and can be. `None` if nothing is said, or nothing that makes sense.
    pub(crate) fn model(marked: &Marked<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let one_or_more = marked.arguments.key("one_or_more");
        if let (Some(word), Some(_)) = (one_or_more, marked.arguments.key("times")) {
            diagnostics.error(word, "`one_or_more` is `times = 1..`: leave one of them out");
        }
        if one_or_more.is_some() {
            return Some(Self { times: None, fixed: None, is_loop: Some(true), may_be_none: false });
        }
        let times = marked.arguments.value("times")?;
        let known = read(times).unwrap_or_else(|fix| {
            diagnostics.error(times, format!("a stage cannot match `{}` times: {fix}", written(times)));
            Known::default()
        });
        let Known { fixed, is_loop, may_be_none } = known;
        Some(Self { times: Some(times.clone()), fixed, is_loop, may_be_none })
    }
}

/// What can be read of an expression.
#[derive(Default, Debug, PartialEq, Eq)]
struct Known {
    fixed: Option<u32>,
    is_loop: Option<bool>,
    may_be_none: bool,
}

/// Reads an expression; the error says what to write instead.
fn read(times: &Expr) -> Result<Known, String> {
    let range = match times {
        Expr::Range(range) => range,
        Expr::Lit(_) => {
            return match number(Some(times))? {
                Some(0) => {
                    Err("it is to match at least once; write `Option<Event>` for a stage that may be left out"
                        .to_owned())
                }
                fixed => Ok(Known { fixed, is_loop: Some(false), may_be_none: false }),
            };
        }
        _ => return Ok(Known::default()),
    };
    let (from, to) = (range.start.as_deref(), range.end.as_deref());
    let (lowest, highest) = (number(from)?, number(to)?);
    let shown =
        |bound: Option<&Expr>| bound.map_or_else(|| "1".to_owned(), |bound| bound.to_token_stream().to_string());
    match (range.limits, to) {
        _ if from.is_none() => Err(format!("write from how often on, such as `1..={}`", shown(to))),
        (RangeLimits::HalfOpen(_), Some(to)) => {
            let fix = match highest {
                Some(highest) => format!("write `{}..={}`", shown(from), highest.saturating_sub(1)),
                None => format!("write `{}..={} - 1`", shown(from), to.to_token_stream()),
            };
            Err(format!("the upper bound is counted in: {fix}"))
        }
        (_, Some(_)) if highest.is_some_and(|highest| highest < lowest.unwrap_or(0).max(1)) => {
            Err("the upper bound is at least 1 and not below the lower one".to_owned())
        }
        (_, None) if lowest == Some(0) => Err("write `times = 1.., optional`".to_owned()),
        (_, to) => {
            let fixed = lowest.filter(|lowest| Some(*lowest) == highest);
            Ok(Known { fixed, is_loop: Some(to.is_none()), may_be_none: lowest == Some(0) })
        }
    }
}

/// The number, if a bound is one.
fn number(bound: Option<&Expr>) -> Result<Option<u32>, String> {
    match bound {
        Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            number.base10_parse().map(Some).map_err(|error| format!("{error}"))
        }
        Some(Expr::Lit(_)) => Err("write a number, `2..=4`, or `2..` for that often or more".to_owned()),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, fixed: Option<u32>, is_loop: Option<bool>, may_be_none: bool) {
        let times = syn::parse_str(text).expect("an expression");
        assert_eq!(read(&times), Ok(Known { fixed, is_loop, may_be_none }), "{text}");
    }

    #[track_caller]
    fn refused(text: &str, fix: &str) {
        let reason = read(&syn::parse_str(text).expect("an expression")).expect_err("a reason");
        assert!(reason.contains(fix), "{reason}");
    }

    #[test]
    fn what_can_be_read_is() {
        check("3", Some(3), Some(false), false);
        check("2..=2", Some(2), Some(false), false);
        check("2..=4", None, Some(false), false);
        check("0..=4", None, Some(false), true);
        check("2..", None, Some(true), false);
        check("LEAST..", None, Some(true), false);
        check("LEAST", None, None, false);
    }

    #[test]
    fn what_cannot_be_says_what_to_write() {
        refused("0", "Option<Event>");
        refused("1..4", "`1..=3`");
        refused("..=4", "`1..=4`");
        refused("3..=2", "not below");
        refused("0..=0", "at least 1");
        refused("0..", "`times = 1.., optional`");
        refused("\"two\"", "write a number");
    }
}
