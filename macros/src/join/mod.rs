//! `#[operator(join)]`: makes an operator of a function that takes a pair of records.

mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::ItemFn;

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::parse::Inputs;
use crate::operator::unfinished;

/// Expands the attribute on a function.
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
