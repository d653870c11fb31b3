//! From the model of an operator on single records to its code. Cannot fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse_quote;

use super::function::{Attributes, call, constructor, lend, local, structure, type_generics};
use super::model::{Emission, Keyed, Model, Passed};
use crate::state::State;

/// Code for the operator.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let fields = model.keyed.iter().map(|keyed| {
        let row = row(&keyed.states);
        quote!(__states: ::std::vec::Vec<::millstream::state::StateSpec>, __row: #row,)
    });
    let operator_fields = (!model.operator_states.is_empty()).then(|| {
        let handles = row(&model.operator_states);
        quote!(__operator_specs: ::std::vec::Vec<::millstream::state::StateSpec>, __operator_states: #handles,)
    });
    let structure = structure(model.function, &model.params, &quote!(#(#fields)* #operator_fields));
    let call = call(model.function);
    let constructor = annotated(model);
    let implementation = match &model.keyed {
        None => process(model),
        Some(keyed) => keyed_operator(model, keyed),
    };
    quote!(#structure #call #constructor #implementation)
}

/// The constructor. Attribute values come first: they may name a parameter, which then moves into the operator.
fn annotated(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let record = &model.record.ty;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let options = model.options.expand(&ident.unraw().to_string());
    let blocking = model.blocking.iter();
    let params = model.params.iter().map(|param| &param.ident);
    let options_local = local("options");
    let keyed = model.keyed.iter().map(|keyed| declared(&keyed.states, "__states", "__row"));
    let operator = (!model.operator_states.is_empty())
        .then(|| declared(&model.operator_states, "__operator_specs", "__operator_states"));
    let (locals, fields): (Vec<_>, Vec<_>) = keyed.chain(operator).unzip();
    let body = quote! {
        let #options_local = #options #(.blocking(#blocking))*;
        #(#locals)*
        ::millstream::operator::Annotated {
            operator: #ident { #(#params,)* #(#fields)* __types: ::core::marker::PhantomData },
            options: #options_local,
        }
    };
    let returns = quote!(::millstream::operator::Annotated<#ident #ty_generics, #record>);
    constructor(model.function, &model.params, returns, body)
}

/// The local variables of declared states, and the fields that they are moved into.
pub(crate) fn declared(states: &[State], specs_field: &str, row_field: &str) -> (TokenStream, TokenStream) {
    let [specs_field, row_field] = [specs_field, row_field].map(|field| Ident::new(field, Span::call_site()));
    let [specs_local, row_local] = [&specs_field, &row_field].map(|field| local(&field.to_string()));
    let specs = states.iter().map(State::spec);
    let empty = states.iter().map(|state| &state.empty);
    let row = row(states);
    let locals = quote! {
        let #specs_local = ::std::vec![#(#specs),*];
        let #row_local: #row = (#(#empty,)*);
    };
    (locals, quote!(#specs_field: #specs_local, #row_field: #row_local,))
}

/// The function that names the operator states, if there are any.
fn operator_states(model: &Model<'_>) -> Option<TokenStream> {
    let numbers = (0..model.operator_states.len()).map(syn::Index::from);
    (!model.operator_states.is_empty()).then(|| {
        quote! {
            fn operator_states(&mut self) -> ::millstream::state::OperatorStates<'_> {
                ::millstream::__private::operator_states(
                    &self.__operator_specs,
                    [#(&mut self.__operator_states.#numbers),*],
                )
            }
        }
    })
}

/// `impl Process`.
fn process(model: &Model<'_>) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (input, output) = types(model);
    let [value, ctx, out] = ["_value", "_ctx", "_out"].map(local);
    let (body, operator_states) = (body(model), operator_states(model));
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::operator::Process for #ident #ty_generics #where_clause {
            type In = #input;
            type Out = #output;

            #operator_states

            #[inline]
            fn process(
                &mut self,
                #value: Self::In,
                #ctx: &mut ::millstream::operator::Context<'_>,
                #out: &mut ::millstream::operator::Collector<Self::Out>,
            ) -> ::millstream::Result<()> {
                #body
            }
        }
    }
}

/// `impl KeyedOperator`, for every type of keys unless the function names one.
fn keyed_operator(model: &Model<'_>, keyed: &Keyed) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let mut any_key = generics.clone();
    let key = keyed.key.clone().unwrap_or_else(|| {
        any_key.params.push(parse_quote!(__Key: ::millstream::Key));
        parse_quote!(__Key)
    });
    let (impl_generics, _, _) = any_key.split_for_impl();
    let (input, output) = types(model);
    let row = row(&keyed.states);
    let [value, state, ctx, out] = ["_value", "_state", "_ctx", "_out"].map(local);
    let (body, operator_states) = (body(model), operator_states(model));
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::operator::KeyedOperator<#key> for #ident #ty_generics #where_clause {
            type In = #input;
            type Out = #output;
            type State = #row;

            fn states(&self) -> ::std::vec::Vec<::millstream::state::StateSpec> {
                ::core::clone::Clone::clone(&self.__states)
            }

            fn new_state(&self) -> Self::State {
                ::core::clone::Clone::clone(&self.__row)
            }

            #operator_states

            #[inline]
            fn process(
                &mut self,
                #value: Self::In,
                #state: &mut Self::State,
                #ctx: &mut ::millstream::operator::KeyedContext<'_, #key>,
                #out: &mut ::millstream::operator::Collector<Self::Out>,
            ) -> ::millstream::Result<()> {
                #body
            }
        }
    }
}

/// The call, and what becomes of what it returns.
fn body(model: &Model<'_>) -> TokenStream {
    let [value, state, ctx, out] = ["_value", "_state", "_ctx", "_out"].map(local);
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::Record if model.record.by_reference => quote!(&#value),
        Passed::Record => quote!(#value),
        Passed::State(number) => {
            let number = syn::Index::from(*number);
            quote!(&mut #state.#number)
        }
        Passed::OperatorState(number) => {
            let number = syn::Index::from(*number);
            quote!(&mut self.__operator_states.#number)
        }
        Passed::Param(number) => lend(quote!(self), &model.params[*number]),
        Passed::Context => quote!(#ctx),
        Passed::Collector => quote!(#out),
    });
    let call = quote!(Self::call(#(#passed),*));
    let call = match model.fallible {
        // The conversion of the error is the signature's affair, so what is wrong with it is said there.
        Some(span) => quote_spanned!(span=> #call?),
        None => call,
    };
    forward(&model.emission, &call, &value, &out)
}

/// Hands on what a call returns.
pub(crate) fn forward(emission: &Emission, call: &TokenStream, value: &Ident, out: &Ident) -> TokenStream {
    let holds = local("holds");
    let forwarded = match emission {
        Emission::Filter => quote! {
            let #holds = #call;
            ::millstream::__private::emit_if(#holds, #value, #out);
        },
        Emission::One(_) => quote!(::millstream::operator::Collector::emit(#out, #call);),
        Emission::Many(_) => quote!(::core::iter::Extend::extend(#out, #call);),
        Emission::Collector(_) => quote!(#call;),
    };
    quote!(#forwarded ::millstream::Result::<()>::Ok(()))
}

/// The types of records and results.
fn types(model: &Model<'_>) -> (TokenStream, TokenStream) {
    let record = &model.record.ty;
    (quote!(#record), model.emission.results(record))
}

/// The type of several states.
pub(crate) fn row(states: &[State]) -> TokenStream {
    let handles = states.iter().map(|state| &state.handle);
    quote!((#(#handles,)*))
}
