//! `#[derive(Pattern)]`: makes a pattern of a struct whose fields are the stages.

mod conditions;
mod expand;
mod fields;
mod model;
mod parse;
mod quantity;
mod rules;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::diagnostics::Diagnostics;

/// Expands the derive on `input`.
pub(crate) fn pattern(input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::new();
    let parsed = diagnostics.ok(syn::parse2::<DeriveInput>(input));
    let expanded = parsed.as_ref().map(|input| {
        let arguments = parse::arguments(input, &mut diagnostics);
        let event = model::event(&arguments, input, &mut diagnostics);
        let drafts = model::Draft::all(input, &mut diagnostics);
        match model::Model::of(input, &arguments, event.clone(), drafts.as_deref(), &mut diagnostics) {
            Some(model) if diagnostics.is_empty() => expand::expand(&model),
            _ => expand::unfinished(input, event.as_ref()),
        }
    });
    let errors = diagnostics.into_errors();
    quote!(#errors #expanded)
}
