//! From the model of an `async fn` to its code. Cannot fail.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::model::{Model, Passed};
use crate::operator::function::{Attributes, call, constructor, lend, local, structure, type_generics};
use crate::operator::model::Emission;

/// Code for the operator.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let structure = structure(model.function, &model.params, &TokenStream::new());
    let (call, constructor, implementation) = (call(model.function), annotated(model), implementation(model));
    quote!(#structure #call #constructor #implementation)
}

/// The constructor. Attribute values come first: they may name a parameter, which then moves into the operator.
fn annotated(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let options = model.options.expand(&ident.unraw().to_string());
    let requests = &model.requests;
    let [options_local, requests_local] = ["options", "requests"].map(local);
    let params = model.params.iter().map(|param| &param.ident);
    let body = quote! {
        let #options_local = #options;
        let #requests_local = #requests;
        ::millstream::operator::AsyncOperator {
            function: #ident { #(#params,)* __types: ::core::marker::PhantomData },
            options: #options_local,
            requests: #requests_local,
        }
    };
    let returns = quote!(::millstream::operator::AsyncOperator<#ident #ty_generics>);
    constructor(model.function, &model.params, returns, body)
}

/// `impl AsyncFunction`.
fn implementation(model: &Model<'_>) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let input = &model.record.ty;
    let output = model.emission.results(input);
    let [value, ctx] = ["_value", "_ctx"].map(local);
    let call = called(model, &value, &ctx);
    let results = results(&model.emission, &call, &value);
    let timed_out = timed_out(model, &value);
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::operator::AsyncFunction for #ident #ty_generics #where_clause {
            type In = #input;
            type Out = #output;

            async fn call(
                &self,
                #value: Self::In,
                #ctx: &::millstream::operator::AsyncContext,
            ) -> ::millstream::Result<::std::vec::Vec<Self::Out>> {
                #results
            }

            #timed_out
        }
    }
}

/// The call of the function itself.
fn called(model: &Model<'_>, value: &Ident, ctx: &Ident) -> TokenStream {
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::Record if model.record.by_reference => quote!(&#value),
        Passed::Record => quote!(#value),
        Passed::Param(number) => lend(quote!(self), &model.params[*number]),
        Passed::Context => quote!(#ctx),
    });
    let call = quote!(Self::call(#(#passed),*).await);
    match model.fallible {
        // The conversion of the error is the signature's affair, so what is wrong with it is said there.
        Some(span) => quote_spanned!(span=> #call?),
        None => call,
    }
}

/// The results, out of what the function returns.
fn results(emission: &Emission, returned: &TokenStream, value: &Ident) -> TokenStream {
    let results = match emission {
        Emission::Filter => {
            let holds = local("holds");
            return quote! {
                let #holds = #returned;
                ::millstream::Result::Ok(::core::iter::Iterator::collect(
                    ::core::iter::IntoIterator::into_iter(#holds.then_some(#value)),
                ))
            };
        }
        Emission::One(_) | Emission::Collector(_) => quote!(::std::vec![#returned]),
        Emission::Many(_) => {
            quote!(::core::iter::Iterator::collect(::core::iter::IntoIterator::into_iter(#returned)))
        }
    };
    quote!(::millstream::Result::Ok(#results))
}

/// What takes the place of a result that is not there in time, with the params in scope.
fn timed_out(model: &Model<'_>, value: &Ident) -> Option<TokenStream> {
    let fallback = model.timed_out.as_ref()?;
    let params = model.params.iter().map(|param| {
        let (ident, lent) = (&param.ident, lend(quote!(self), param));
        quote!(#[allow(unused_variables)] let #ident = #lent;)
    });
    let (instead, returned) = (local("instead"), &model.returned);
    let results = match &model.emission {
        Emission::Filter => {
            let kept = quote!(::core::clone::Clone::clone(&#value));
            let results = results(&model.emission, &quote!(#instead), value);
            quote!(let #instead: #returned = (#fallback)(#kept); #results)
        }
        emission => {
            let results = results(emission, &quote!(#instead), value);
            quote!(let #instead: #returned = (#fallback)(#value); #results)
        }
    };
    Some(quote! {
        fn timed_out(
            &self,
            #value: Self::In,
            _: &::millstream::operator::AsyncContext,
        ) -> ::millstream::Result<::std::vec::Vec<Self::Out>> {
            #(#params)*
            #results
        }
    })
}
