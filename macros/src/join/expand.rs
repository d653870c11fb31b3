//! From the model of a function on pairs to its code. Cannot fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::model::{Model, Passed};
use crate::operator::expand::forward;
use crate::operator::function::{Attributes, call, constructor, lend, local, structure, type_generics};

/// Code for the operator.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let structure = structure(model.function, &model.params, &TokenStream::new());
    let call = call(model.function);
    let constructor = annotated(model);
    let implementation = process_join(model);
    quote!(#structure #call #constructor #implementation)
}

/// The constructor. Attribute values come first: they may name a parameter, which then moves into the operator.
fn annotated(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    let options = model.options.expand(&ident.unraw().to_string());
    let params = model.params.iter().map(|param| &param.ident);
    let options_local = local("options");
    let body = quote! {
        let #options_local = #options;
        ::millstream::join::JoinOperator::new(
            #ident #turbofish { #(#params,)* __types: ::core::marker::PhantomData },
            #options_local,
        )
    };
    let returns = quote!(::millstream::join::JoinOperator<#ident #ty_generics>);
    constructor(model.function, &model.params, returns, body)
}

/// `impl ProcessJoin`.
fn process_join(model: &Model<'_>) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let [left_type, right_type] = &model.records;
    let output = model.emission.results(left_type);
    let [left, right, ctx, out] = ["left", "right", "_ctx", "_out"].map(local);
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::Left => quote!(#left),
        Passed::Right => quote!(#right),
        Passed::Context => quote!(#ctx),
        Passed::Param(number) => lend(quote!(self), &model.params[*number]),
        Passed::Collector => quote!(#out),
    });
    let call = quote!(Self::call(#(#passed),*));
    let call = match model.fallible {
        // The conversion of the error is the signature's affair, so what is wrong with it is said there.
        Some(span) => quote_spanned!(span=> #call?),
        None => call,
    };
    let body = forward(&model.emission, &call, &left, &out);
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::join::ProcessJoin for #ident #ty_generics #where_clause {
            type Left = #left_type;
            type Right = #right_type;
            type Out = #output;

            #[inline]
            fn process(
                &mut self,
                #left: &Self::Left,
                #right: &Self::Right,
                #ctx: &mut ::millstream::join::JoinContext<'_>,
                #out: &mut ::millstream::operator::Collector<Self::Out>,
            ) -> ::millstream::Result<()> {
                #body
            }
        }
    }
}
