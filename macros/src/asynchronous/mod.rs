//! `#[operator]` on an `async fn`: an operator whose records wait for something outside.

mod expand;
mod model;
mod retry;

use proc_macro2::TokenStream;
use syn::ItemFn;

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::parse::Inputs;
use crate::operator::unfinished;

/// Expands the attribute on an `async fn` without windows.
pub(crate) fn from_function(
    arguments: &Arguments,
    function: &ItemFn,
    inputs: &Inputs,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    match model::Model::of(arguments, function, inputs, diagnostics) {
        Some(model) => expand::expand(&model),
        None => unfinished(function, inputs),
    }
}
