//! `#[derive(KeyedOperator)]`: makes an operator of a struct with states.

mod expand;
mod form;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::diagnostics::Diagnostics;

/// Expands the derive on `input`.
pub(crate) fn keyed_operator(input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::new();
    let parsed = diagnostics.ok(syn::parse2::<DeriveInput>(input));
    let expanded = parsed.as_ref().map(|input| match model::Model::of(input, &mut diagnostics) {
        Some(model) => expand::expand(&model),
        None => unfinished(input),
    });
    let errors = diagnostics.into_errors();
    quote!(#errors #expanded)
}

/// What stands in for the operator of a struct that is none, so that what uses it is not wrong, too.
fn unfinished(input: &DeriveInput) -> TokenStream {
    let (vis, ident) = (&input.vis, &input.ident);
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[allow(unused)]
        impl #impl_generics #ident #ty_generics #where_clause {
            #vis fn operator() -> ::millstream::__private::Unfinished {
                ::millstream::__private::Unfinished
            }
        }
    }
}
