//! The annotations of Millstream.

mod attribute;
mod diagnostics;
mod duration;
mod entry;
mod keyed_operator;
mod operator;
mod options;
mod state;
mod types;
mod windowed;

use proc_macro::TokenStream;

/// op
#[proc_macro_attribute]
pub fn operator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    operator::operator(arguments.into(), item.into()).into()
}

/// Ke
#[proc_macro_derive(KeyedOperator, attributes(operator, state, param, transient))]
pub fn keyed_operator(input: TokenStream) -> TokenStream {
    keyed_operator::keyed_operator(input.into()).into()
}

/// Main
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(arguments.into(), item.into()).into()
}
