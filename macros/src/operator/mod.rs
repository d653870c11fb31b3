//! `#[operator]`: makes an operator of a function, or a windowed one of an `impl Aggregate`.

mod arguments;
pub(crate) mod expand;
pub(crate) mod function;
pub(crate) mod model;
pub(crate) mod parse;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Item, ItemFn};

pub(crate) use arguments::{ARGUMENTS, CEP, JOIN, PER_RECORD, check_no_pattern};

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::{asynchronous, cep, join, windowed};

/// Expands the attribute with `arguments` on `item`.
pub(crate) fn operator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::new();
    let arguments = Arguments::parse(arguments, "#[operator]", ARGUMENTS, &mut diagnostics);
    let expanded = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => from_function(&arguments, function, &mut diagnostics),
        Ok(Item::Impl(item)) => {
            check_no_pattern(&arguments, &mut diagnostics);
            windowed::from_impl(&arguments, item, &mut diagnostics)
        }
        Ok(other) => {
            diagnostics.error(&other, wrong_item(&other));
            other.to_token_stream()
        }
        Err(error) => {
            diagnostics.add(error);
            item
        }
    };
    let errors = diagnostics.into_errors();
    quote!(#errors #expanded)
}

fn from_function(arguments: &Arguments, mut function: ItemFn, diagnostics: &mut Diagnostics) -> TokenStream {
    let inputs = parse::Inputs::take(&mut function, diagnostics);
    if arguments.key("cep").is_some() {
        return cep::from_function(arguments, &function, &inputs, diagnostics);
    }
    if arguments.key("join").is_some() {
        return join::from_function(arguments, &function, &inputs, diagnostics);
    }
    check_no_pattern(arguments, diagnostics);
    if ["window", "window_all", "reduce"].iter().any(|key| arguments.key(key).is_some()) {
        return windowed::from_function(arguments, &function, &inputs, diagnostics);
    }
    if function.sig.asyncness.is_some() {
        return asynchronous::from_function(arguments, &function, &inputs, diagnostics);
    }
    match model::Model::of(arguments, &function, &inputs, diagnostics) {
        Some(model) => expand::expand(&model),
        None => unfinished(&function, &inputs),
    }
}

/// What stands in for a function that is no operator, so that what uses it is not wrong, too.
pub(crate) fn unfinished(function: &ItemFn, inputs: &parse::Inputs) -> TokenStream {
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let params = inputs.params();
    let (names, types) = (params.iter().map(|param| &param.ident), params.iter().map(|param| &param.ty));
    quote! {
        #[allow(unused)]
        #vis fn #ident(#(#names: #types),*) -> ::millstream::__private::Unfinished {
            ::millstream::__private::Unfinished
        }
    }
}

fn wrong_item(item: &Item) -> String {
    let found = match item {
        Item::Struct(_) => {
            return "`#[operator]` does not fit a struct: write `#[derive(KeyedOperator)]` on a struct with states, or \
                    `#[operator(key = .., window = ..)]` on its `impl Aggregate`"
                .to_owned();
        }
        Item::Enum(_) => "an enum",
        Item::Mod(_) => "a module",
        Item::Trait(_) => "a trait",
        _ => "this item",
    };
    format!("`#[operator]` does not fit {found}: put it on a function or on an `impl Aggregate for ..`")
}
