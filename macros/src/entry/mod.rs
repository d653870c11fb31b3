//! `#[millstream::main]`: gives the binary of a job its command line.

mod expand;
mod model;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::attribute::{Argument, Arguments, Takes};
use crate::diagnostics::Diagnostics;

const ARGUMENTS: &[Argument] = &[
    Argument { key: "name", takes: Takes::Value, example: "name = \"clicks\"" },
    Argument { key: "allocator", takes: Takes::Value, example: "allocator = \"system\"" },
];

/// Expands the attribute with `arguments` on `item`.
pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::new();
    let arguments = Arguments::parse(arguments, "#[millstream::main]", ARGUMENTS, &mut diagnostics);
    let expanded = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => match model::Model::of(&arguments, &function, &mut diagnostics) {
            Some(model) => expand::expand(&model),
            None => unfinished(&function),
        },
        Err(error) => {
            let fix = "put it on a function such as `fn job(env: &Environment, args: Args) -> Result<()>`";
            diagnostics.error_at(error.span(), format!("`#[millstream::main]` belongs on a function: {fix}"));
            quote!(#item fn main() {})
        }
    };
    let errors = diagnostics.into_errors();
    quote!(#errors #expanded)
}

/// What stands in for a function that builds no job, so that `main` is not missing, too.
fn unfinished(function: &ItemFn) -> TokenStream {
    let kept = (function.sig.ident != "main").then_some(function);
    quote!(#kept fn main() {})
}
