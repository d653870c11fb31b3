//! From the model of a windowed operator to its code. Cannot fail.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;

use super::aggregate;
use super::function::{Fold, Model, Passed};
use crate::operator::expand::forward;
use crate::operator::function::{call, constructor, lend, local, structure, type_generics};

/// Code for a function: its constructor gives a function from stream to stream.
pub(crate) fn function(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let structure = structure(model.function, &model.params, &TokenStream::new());
    let call = call(model.function);
    let record = &model.record;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    let [stream, operator, options] = ["stream", "operator", "options"].map(local);
    let params = model.params.iter().map(|param| &param.ident);
    let before = model.steps.before(record);
    let named = model.steps.options(&ident.unraw().to_string());
    let fold = fold(model);
    // What the annotation says may name a parameter, so the parameters move into the operator last.
    let body = quote! {
        ::millstream::operator::StreamFn(move |#stream: ::millstream::stream::Stream<#record>| {
            let #options = #named;
            let #stream = #stream #before;
            let #operator = #ident #turbofish { #(#params,)* __types: ::core::marker::PhantomData };
            ::millstream::__private::with_options(#stream #fold, #options)
        })
    };
    let output = output(model);
    let returns = quote! {
        impl ::millstream::operator::ApplyTo<
            ::millstream::stream::Stream<#record>,
            Output = ::millstream::stream::Stream<#output>,
        >
    };
    let constructor = constructor(model.function, &model.params, returns, body);
    quote!(#structure #call #constructor)
}

/// The call that folds a window's records. `operator` is in scope.
fn fold(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    let [operator, first, second, key, window, values, out] =
        ["operator", "first", "second", "_key", "_window", "values", "_out"].map(local);
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::First => quote!(#first),
        Passed::Second => quote!(#second),
        Passed::Key => quote!(#key),
        Passed::Window => quote!(#window),
        Passed::Values => quote!(#values),
        Passed::Collector => quote!(#out),
        Passed::Param(number) => lend(&operator, &model.params[*number]),
    });
    let call = quote!(#ident #turbofish ::call(#(#passed),*));
    match &model.fold {
        Fold::Reduce => quote! {
            .reduce(move |#first, #second| {
                let _ = &#operator;
                #call
            })
        },
        Fold::Contents { emission, fallible } => {
            let call = if *fallible { quote!(#call?) } else { call };
            let body = forward(emission, &call, &values, &out);
            quote! {
                .process(move |#key, #window, #values, #out| {
                    let _ = &#operator;
                    #body
                })
            }
        }
    }
}

/// The type of the results.
fn output(model: &Model<'_>) -> TokenStream {
    let record = &model.record;
    match &model.fold {
        Fold::Reduce => quote!(#record),
        Fold::Contents { emission, .. } => emission.results(record),
    }
}

/// Code for an `impl Aggregate`: the impl, and what applies the aggregate to a stream.
pub(crate) fn aggregate(model: &aggregate::Model<'_>) -> TokenStream {
    let item = model.item;
    let ty = &item.self_ty;
    let (impl_generics, _, where_clause) = item.generics.split_for_impl();
    let conditions = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let conditions: Vec<_> = conditions.collect();
    let this = quote!(<#ty as ::millstream::operator::Aggregate>);
    let record = syn::parse_quote!(#this::In);
    let [stream, options, emitter, key, window, result, out] =
        ["stream", "options", "emitter", "_key", "_window", "result", "out"].map(local);
    let before = model.steps.before(&record);
    let options_value = model.steps.options(&model.name);
    let (body, output, emit) = match &model.emit {
        None => (quote!(::millstream::operator::Collector::emit(#out, #result)), quote!(#this::Out), None),
        Some(emit) => {
            let (function, results) = (&emit.function, &emit.results);
            let function = quote! {
                #(#conditions)*
                impl #impl_generics #ty #where_clause {
                    #function
                }
            };
            (quote!(#emitter.emit(#key, #window, #result, #out)), quote!(#results), Some(function))
        }
    };
    quote! {
        #item

        #emit

        #(#conditions)*
        impl #impl_generics ::millstream::operator::ApplyTo<::millstream::stream::Stream<#record>> for #ty #where_clause {
            type Output = ::millstream::stream::Stream<#output>;

            #[allow(unused_variables)]
            #[track_caller]
            fn apply_to(self, #stream: ::millstream::stream::Stream<#record>) -> Self::Output {
                let #options = #options_value;
                let #emitter = ::core::clone::Clone::clone(&self);
                let #stream = #stream #before;
                let #stream = #stream.aggregate_with(self, move |#key, #window, #result, #out| #body);
                ::millstream::__private::with_options(#stream, #options)
            }
        }
    }
}
