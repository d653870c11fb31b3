//! From the model of a function on matches to its code. Cannot fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Type, parse_quote};

use super::model::{Model, Passed};
use crate::operator::expand::forward;
use crate::operator::function::{Attributes, call, constructor, lend, local, structure, type_generics};

/// Code for the operator.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let structure = structure(model.function, &model.params, &TokenStream::new());
    let call = call(model.function);
    let constructor = annotated(model);
    let implementation = pattern_process(model);
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
    let [options_local, late, timed_out, order] = ["options", "late", "timed_out", "order"].map(local);
    let given = [
        (&late, &model.late, quote!(late_output)),
        (&timed_out, &model.timed_out, quote!(timed_out)),
        (&order, &model.order, quote!(order)),
    ];
    let given = given.iter().filter_map(|(local, value, method)| Some((local, value.as_ref()?, method)));
    let (locals, calls): (Vec<_>, Vec<_>) =
        given.map(|(local, value, method)| (quote!(let #local = #value;), quote!(.#method(#local)))).unzip();
    let processing_time = model.processing_time.then(|| quote!(.processing_time()));
    let pattern = &model.pattern;
    let operator = quote! {
        let #options_local = #options;
        #(#locals)*
        ::millstream::cep::PatternOperator::<_, #pattern>::new(
            #ident #turbofish { #(#params,)* __types: ::core::marker::PhantomData },
            #options_local,
        ) #(#calls)* #processing_time
    };
    let (returns, body) = match &model.selector {
        None => (quote!(::millstream::cep::PatternOperator<#ident #ty_generics, #pattern>), operator),
        Some(selector) => {
            let (stream, event) = (local("stream"), event(pattern));
            let keyed = selector.expand(&parse_quote!(#event));
            let output = model.emission.results(pattern);
            let returns = quote! {
                impl ::millstream::operator::ApplyTo<
                    ::millstream::stream::Stream<#event>,
                    Output = ::millstream::stream::Stream<#output>,
                >
            };
            let body = quote! {
                ::millstream::operator::StreamFn(move |#stream: ::millstream::stream::Stream<#event>| {
                    #stream #keyed .apply({ #operator })
                })
            };
            (returns, body)
        }
    };
    constructor(model.function, &model.params, returns, body)
}

/// `impl PatternProcess`, for every type of keys unless the function names one.
fn pattern_process(model: &Model<'_>) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let mut any_key = generics.clone();
    let key = model.key.clone().unwrap_or_else(|| {
        any_key.params.push(parse_quote!(__Key: ::millstream::Key));
        parse_quote!(__Key)
    });
    let (impl_generics, _, _) = any_key.split_for_impl();
    let (pattern, output) = (&model.pattern, model.emission.results(&model.pattern));
    let event = event(pattern);
    let [found, value, ctx, out] = ["found", "value", "_ctx", "_out"].map(local);
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::Match if model.by_reference => quote!(&#value),
        Passed::Match => quote!(#value),
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
    let body = forward(&model.emission, &call, &value, &out);
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::cep::PatternProcess<#key, #event> for #ident #ty_generics #where_clause {
            type Out = #output;

            fn process(
                &mut self,
                mut #found: ::millstream::cep::Match<#event>,
                #ctx: &mut ::millstream::cep::PatternContext<'_, #key>,
                #out: &mut ::millstream::operator::Collector<Self::Out>,
            ) -> ::millstream::Result<()> {
                let #value = <#pattern as ::millstream::cep::TypedPattern>::from_match(&mut #found)?;
                #body
            }
        }
    }
}

/// What the pattern looks at.
fn event(pattern: &Type) -> TokenStream {
    quote_spanned!(pattern.span()=> <#pattern as ::millstream::cep::TypedPattern>::Event)
}
