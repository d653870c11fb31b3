//! `#[operator(key = .., window = ..)]`: makes a windowed operator of an `impl Aggregate`, of an `impl ProcessWindow` or of
//! a function.

mod aggregate;
mod assigner;
mod expand;
mod function;
mod key;
mod process;
mod steps;

pub(crate) use key::Selector;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Ident, ItemFn, ItemImpl};

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::parse::Inputs;
use crate::operator::unfinished;
use crate::types::written;

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

/// Expands the attribute on an `impl Aggregate` or an `impl ProcessWindow`.
pub(crate) fn from_impl(arguments: &Arguments, mut item: ItemImpl, diagnostics: &mut Diagnostics) -> TokenStream {
    let implemented = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    if implemented.is_some_and(|last| last.ident == "ProcessWindow") {
        return match process::Model::of(arguments, &mut item, diagnostics) {
            Some(model) => expand::process(&model),
            None => unfinished_impl(&item),
        };
    }
    match aggregate::Model::of(arguments, &mut item, diagnostics) {
        Some(model) => expand::aggregate(&model),
        None => unfinished_impl(&item),
    }
}

/// What stands in for an impl that is no operator, so that what uses its type is not wrong, too.
fn unfinished_impl(item: &ItemImpl) -> TokenStream {
    let ty = &item.self_ty;
    let mut generics = item.generics.clone();
    // A parameter of the trait alone would be one too many.
    let words = written(ty);
    let is_in_type = |ident: &Ident| words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| *ident == word);
    let params = std::mem::take(&mut generics.params);
    generics.params = params
        .into_iter()
        .filter(|param| !matches!(param, GenericParam::Type(param) if !is_in_type(&param.ident)))
        .collect();
    generics.params.push(syn::parse_quote!(__Stream));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #item

        impl #impl_generics ::millstream::operator::ApplyTo<__Stream> for #ty #where_clause {
            type Output = __Stream;

            fn apply_to(self, stream: __Stream) -> __Stream {
                stream
            }
        }
    }
}
