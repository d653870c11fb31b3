//! `retry = ..`: short forms such as `fixed_delay(3, "100 ms")`, or any expression.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, ExprLit, Lit};

use crate::diagnostics::{Diagnostics, one_of};
use crate::duration::duration;

/// The constructors of a strategy: word, number of arguments, example.
const STRATEGIES: &[(&str, usize, &str)] = &[
    ("fixed_delay", 2, "fixed_delay(3, \"100 ms\")"),
    ("exponential_backoff", 3, "exponential_backoff(5, \"100 ms\", \"10 s\")"),
];

/// The expression of a retry strategy.
pub(super) fn retry(value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    match value {
        // Settings behind a short form, such as `fixed_delay(3, "1 s").if_error(is_transient)`.
        Expr::MethodCall(call) => {
            let receiver = retry(&call.receiver, diagnostics);
            let (method, arguments) = (&call.method, &call.args);
            quote!(#receiver.#method(#arguments))
        }
        Expr::Call(call) => {
            let word = match &*call.func {
                Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
                _ => None,
            };
            let Some(word) = word else { return value.to_token_stream() };
            match STRATEGIES.iter().find(|(known, ..)| word == known) {
                Some((_, arguments, _)) if call.args.len() == *arguments => {
                    let name = word.to_string();
                    let arguments: Vec<_> =
                        call.args.iter().map(|argument| lenient(&name, argument, diagnostics)).collect();
                    quote_spanned!(word.span()=> ::millstream::operator::RetryStrategy::#word(#(#arguments),*))
                }
                Some((_, _, example)) => {
                    diagnostics.error(call, format!("`{word}` is not called like this: write `{example}`"));
                    unfinished()
                }
                None => {
                    let fix = format!(
                        "write {}, or a function of your own with its path, such as `self::{word}(..)`",
                        examples()
                    );
                    diagnostics.error(word, format!("there is no retry strategy `{word}`: {fix}"));
                    unfinished()
                }
            }
        }
        Expr::Lit(literal) => {
            let found = literal.to_token_stream();
            diagnostics.error(value, format!("`retry` cannot be {found}: write {}", examples()));
            unfinished()
        }
        other => other.to_token_stream(),
    }
}

/// Text is a duration, anything else stays as it is.
fn lenient(word: &str, argument: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    match argument {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => duration(word, argument, diagnostics),
        other => other.to_token_stream(),
    }
}

fn examples() -> String {
    one_of(STRATEGIES.iter().map(|(_, _, example)| *example))
}

fn unfinished() -> TokenStream {
    quote!(::millstream::operator::RetryStrategy::none())
}
