//! The annotations of Millstream.

mod attribute;
mod diagnostics;
mod duration;
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
