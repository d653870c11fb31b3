//! From the model of a struct with states to its code. Cannot fail.
//!
//! The states of a key are swapped into the struct's fields while its functions run, and back afterwards: a few words
//! each way. Between calls the fields are empty, and serve as what the state of a new key is cloned from. The states of the
//! subtask stay where they are.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Generics, WherePredicate};

use super::form::Form;
use super::model::Model;
use crate::operator::function::local;
use crate::state::State;

/// Code for the operator.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let constructor = constructor(model);
    let clone = clone(model);
    let keyed_operator = keyed_operator(model);
    quote!(#constructor #clone #keyed_operator)
}

/// `Name::operator(..)`. Attribute values come first: they may name a parameter, which then moves into the operator.
fn constructor(model: &Model<'_>) -> TokenStream {
    let Model { vis, ident, generics, .. } = model;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let arguments = model.params.iter().map(|(ident, ty)| quote!(#ident: #ty));
    let params = model.params.iter().map(|(ident, _)| ident);
    let options = model.options.expand(&ident.unraw().to_string());
    let [options_local, row_local] = ["options", "row"].map(local);
    let empty = model.states.iter().map(|state| &state.empty);
    let states = model.states.iter().enumerate().map(|(number, state)| {
        let (ident, number) = (&state.ident, syn::Index::from(number));
        quote!(#ident: #row_local.#number)
    });
    let operator_states = model.operator_states.iter().map(|State { ident, empty, .. }| quote!(#ident: #empty));
    let transients =
        model.transients.iter().map(|(ident, ty)| quote!(#ident: <#ty as ::core::default::Default>::default()));
    let row = row(model);
    let (process, record) = (model.form.process(), model.form.record());
    let bounded = with_bounds(generics, [quote!(#ident #ty_generics: #process)]);
    let (_, _, where_clause) = bounded.split_for_impl();
    quote! {
        impl #impl_generics #ident #ty_generics #where_clause {
            /// The operator, ready to be applied to a keyed stream.
            #vis fn operator(#(#arguments),*) -> ::millstream::operator::Annotated<Self, #record> {
                let #options_local = #options;
                let #row_local: #row = (#(#empty,)*);
                ::millstream::operator::Annotated {
                    operator: Self { #(#operator_states,)* #(#params,)* #(#states,)* #(#transients,)* },
                    options: #options_local,
                }
            }
        }
    }
}

/// `impl Clone`: each subtask works on a clone.
fn clone(model: &Model<'_>) -> TokenStream {
    let Model { ident, generics, .. } = model;
    let states = model.states.iter().chain(&model.operator_states).map(|state| (&state.ident, &state.handle));
    let fields = states.chain(model.params.iter().copied()).chain(model.transients.iter().copied());
    let (fields, types): (Vec<_>, Vec<_>) = fields.unzip();
    let bounded = with_bounds(generics, types.iter().map(|ty| quote!(#ty: ::core::clone::Clone)));
    let (impl_generics, ty_generics, where_clause) = bounded.split_for_impl();
    quote! {
        impl #impl_generics ::core::clone::Clone for #ident #ty_generics #where_clause {
            fn clone(&self) -> Self {
                Self { #(#fields: ::core::clone::Clone::clone(&self.#fields),)* }
            }
        }
    }
}

fn keyed_operator(model: &Model<'_>) -> TokenStream {
    let Model { ident, generics, .. } = model;
    let (_, ty_generics, _) = generics.split_for_impl();
    let this = quote!(#ident #ty_generics);
    let row = row(model);
    let process = model.form.process();
    let operator = quote!(#this: #process + ::core::clone::Clone + Send + Sync + 'static);
    let states = model.states.iter().map(|State { handle, .. }| quote!(#handle: ::core::clone::Clone));
    let bounds = [operator, quote!(#row: ::millstream::state::StateRow)].into_iter().chain(states);
    let bounded = with_bounds(generics, bounds);
    let (impl_generics, ty_generics, where_clause) = bounded.split_for_impl();
    let key = quote!(<#this as #process>::Key);
    let rows = rows(model);
    let calls = calls(model, &key);
    let record = model.form.record();
    let (implemented, shared) = match model.form {
        Form::Single | Form::Connect => (quote!(KeyedOperator), None),
        Form::Broadcast => (quote!(KeyedBroadcastOperator), Some(shared(model, &key))),
    };
    quote! {
        impl #impl_generics ::millstream::operator::#implemented<#key> for #ident #ty_generics #where_clause {
            type In = #record;
            type Out = <Self as #process>::Out;
            type State = #row;

            #shared
            #rows
            #calls
        }
    }
}

/// What only operators with a broadcast have.
fn shared(model: &Model<'_>, key: &TokenStream) -> TokenStream {
    let process = model.form.process();
    let [value, state, shared, ctx, out, done] = ["value", "_state", "shared", "ctx", "out", "done"].map(local);
    let swap = swap(model, &state);
    quote! {
        type Broadcast = <Self as #process>::Broadcast;
        type Shared = <Self as #process>::Shared;

        fn shared_states(&self) -> ::std::vec::Vec<::millstream::state::StateSpec> {
            #process::shared_states(self)
        }

        #[inline]
        fn process_broadcast(
            &mut self,
            #value: Self::Broadcast,
            #shared: &mut Self::Shared,
            #ctx: &mut ::millstream::operator::BroadcastContext<'_>,
            #out: &mut ::millstream::operator::Collector<Self::Out>,
        ) -> ::millstream::Result<()> {
            #process::process_broadcast(self, #value, #shared, #ctx, #out)
        }

        fn visit_key(
            &mut self,
            (#shared, #state): (&Self::Shared, &mut Self::State),
            #ctx: &mut ::millstream::operator::KeyedContext<'_, #key>,
            #out: &mut ::millstream::operator::Collector<Self::Out>,
        ) -> ::millstream::Result<()> {
            #swap
            let #done = #process::visit_key(self, #shared, #ctx, #out);
            #swap
            #done
        }
    }
}

/// The functions about a key's states.
fn rows(model: &Model<'_>) -> TokenStream {
    // What an attribute says may name a parameter.
    let params: Vec<_> = model.params.iter().map(|(ident, _)| ident).collect();
    let specs = model.states.iter().map(State::spec);
    let states = model.states.iter().map(|state| &state.ident);
    let operator_states = operator_states(model, &params);
    quote! {
        #[allow(unused_variables)]
        fn states(&self) -> ::std::vec::Vec<::millstream::state::StateSpec> {
            #(let #params = ::core::clone::Clone::clone(&self.#params);)*
            ::std::vec![#(#specs),*]
        }

        #[allow(clippy::unused_unit)]
        fn new_state(&self) -> Self::State {
            (#(::core::clone::Clone::clone(&self.#states),)*)
        }

        #operator_states
    }
}

/// The function that names the states of the subtask, if there are any.
fn operator_states(model: &Model<'_>, params: &[&&Ident]) -> Option<TokenStream> {
    let specs = model.operator_states.iter().map(State::spec);
    let fields = model.operator_states.iter().map(|state| &state.ident);
    (!model.operator_states.is_empty()).then(|| {
        quote! {
            #[allow(unused_variables)]
            fn operator_states(&mut self) -> ::millstream::state::OperatorStates<'_> {
                #(let #params = ::core::clone::Clone::clone(&self.#params);)*
                ::millstream::__private::operator_states(&[#(#specs),*], [#(&mut self.#fields),*])
            }
        }
    })
}

/// The functions that forward to what the struct does, with the states of the key in its fields.
fn calls(model: &Model<'_>, key: &TokenStream) -> TokenStream {
    let [value, at, state, shared, ctx, out, done] =
        ["value", "at", "_state", "shared", "ctx", "out", "done"].map(local);
    let swap = swap(model, &state);
    let context = quote!(&mut ::millstream::operator::Context<'_>);
    let keyed_context = quote!(&mut ::millstream::operator::KeyedContext<'_, #key>);
    let collector = quote!(&mut ::millstream::operator::Collector<Self::Out>);
    let process = model.form.process();
    let states = match model.form {
        Form::Single | Form::Connect => quote!(#state: &mut Self::State),
        Form::Broadcast => quote!((#shared, #state): (&Self::Shared, &mut Self::State)),
    };
    let (on_record, on_timer) = match model.form {
        Form::Single => (quote!(#process::process(self, #value, #ctx, #out)), quote!(self, #at, #ctx, #out)),
        Form::Connect => {
            (quote!(::millstream::__private::co_process(self, #value, #ctx, #out)), quote!(self, #at, #ctx, #out))
        }
        Form::Broadcast => {
            (quote!(#process::process(self, #value, #shared, #ctx, #out)), quote!(self, #at, #shared, #ctx, #out))
        }
    };
    quote! {
        fn open(&mut self, #ctx: #context) -> ::millstream::Result<()> {
            #process::open(self, #ctx)
        }

        #[inline]
        fn process(
            &mut self,
            #value: Self::In,
            #states,
            #ctx: #keyed_context,
            #out: #collector,
        ) -> ::millstream::Result<()> {
            #swap
            let #done = #on_record;
            #swap
            #done
        }

        fn on_timer(
            &mut self,
            #at: ::millstream::time::Timestamp,
            #states,
            #ctx: #keyed_context,
            #out: #collector,
        ) -> ::millstream::Result<()> {
            #swap
            let #done = #process::on_timer(#on_timer);
            #swap
            #done
        }

        fn close(&mut self, #ctx: #context, #out: #collector) -> ::millstream::Result<()> {
            #process::close(self, #ctx, #out)
        }
    }
}

/// Exchanges the states of a key with the fields.
fn swap(model: &Model<'_>, state: &Ident) -> TokenStream {
    let swaps = model.states.iter().enumerate().map(|(number, declared)| {
        let (ident, number) = (&declared.ident, syn::Index::from(number));
        quote!(::core::mem::swap(&mut self.#ident, &mut #state.#number);)
    });
    swaps.collect()
}

/// The type of a key's states.
fn row(model: &Model<'_>) -> TokenStream {
    let handles = model.states.iter().map(|state| &state.handle);
    quote!((#(#handles,)*))
}

/// The generics with further bounds, if there is anything generic.
fn with_bounds(generics: &Generics, bounds: impl IntoIterator<Item = TokenStream>) -> Generics {
    let mut bounded = generics.clone();
    if !generics.params.is_empty() {
        let predicates = &mut bounded.make_where_clause().predicates;
        predicates.extend(bounds.into_iter().map(|bound| -> WherePredicate { syn::parse_quote!(#bound) }));
    }
    bounded
}
