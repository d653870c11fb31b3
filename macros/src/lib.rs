//! The annotations of Millstream, for users of the crate `millstream`, which exports them.
//!
//! An annotation only names types, implements a trait and forwards: whatever it makes can be written by hand, and the
//! documentation of each shows how. What is wrong is said all at once, each on the word that is wrong, with what is
//! allowed and what to write instead; the rest of the program is checked as if the annotation were right.
//!
//! Each macro is a pipeline: `parse` (tokens to syntax), `model` (the rules; afterwards nothing is left to check),
//! `expand` (to tokens, cannot fail). `attribute` parses the arguments of all of them, `diagnostics` collects the
//! errors. Generated code names everything by absolute paths, and its variables cannot clash with the user's.

mod asynchronous;
mod attribute;
mod cep;
mod diagnostics;
mod duration;
mod entry;
mod join;
mod keyed_operator;
mod operator;
mod options;
mod pattern;
mod state;
mod types;
mod windowed;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/operator.md")]
#[proc_macro_attribute]
pub fn operator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    operator::operator(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/keyed_operator.md")]
#[proc_macro_derive(KeyedOperator, attributes(operator, state, param, transient))]
pub fn keyed_operator(input: TokenStream) -> TokenStream {
    keyed_operator::keyed_operator(input.into()).into()
}

#[doc = include_str!("../docs/pattern.md")]
#[proc_macro_derive(Pattern, attributes(pattern, begin, next, followed_by, followed_by_any, not_next, not_followed_by))]
pub fn pattern(input: TokenStream) -> TokenStream {
    pattern::pattern(input.into()).into()
}

#[doc = include_str!("../docs/main.md")]
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(arguments.into(), item.into()).into()
}
