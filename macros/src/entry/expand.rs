//! From the model of a function that builds a job to a `main`. Cannot fail.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::Model;

/// Code for the program.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let function = model.function;
    let ident = &function.sig.ident;
    let allocator = model.fast_allocator.then(|| quote!(::millstream::__private::global_allocator!();));
    let name = match &model.name {
        Some(name) => quote!(&::millstream::__private::text(&#name)),
        None => quote!(::core::env!("CARGO_CRATE_NAME")),
    };
    let docs = &model.docs;
    let about = quote!(::core::concat!(#(#docs, "\n"),*));
    let run = match model.args {
        Some(args) => quote!(::millstream::cli::run::<#args>(#name, #about, #ident)),
        None => quote!(::millstream::cli::run::<::millstream::cli::NoArgs>(#name, #about, |env, _| #ident(env))),
    };
    // A function that is called `main` itself goes inside; any other stays where tests can call it.
    let (outside, inside) = if ident == "main" { (None, Some(function)) } else { (Some(function), None) };
    quote! {
        #outside

        fn main() -> ::std::process::ExitCode {
            #inside
            #run
        }

        #allocator
    }
}
