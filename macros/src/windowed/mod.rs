//! `#[operator(key = .., window = ..)]`: makes a windowed operator of an `impl Aggregate` or of a function.

mod aggregate;
mod assigner;
mod expand;
mod function;
mod key;
mod steps;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{ItemFn, ItemImpl};

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::parse::Inputs;
use crate::operator::unfinished;

/// Expands the attribute on a function that combines two records or looks at all of a window's records.
pub(crate) fn from_function(
    arguments: &Arguments,
    function: &ItemFn,
    inputs: &Inputs,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    match function::Model::of(arguments, function, inputs, diagnostics) {
        Some(model) => expand::function(&model),
        None => unfinished(function, inputs),
    }
}

/// Expands the attribute on an `impl Aggregate`.
pub(crate) fn from_impl(arguments: &Arguments, item: ItemImpl, diagnostics: &mut Diagnostics) -> TokenStream {
    let kept = item.to_token_stream();
    match aggregate::Model::of(arguments, item, diagnostics) {
        Some(model) => expand::aggregate(&model),
        None => quote!(#kept),
    }
}
