//! From the model of a windowed operator to its code. Cannot fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::aggregate;
use super::function::{Fold, Model, Passed, States};
use super::process;
use crate::operator::expand::{declared, forward, row};
use crate::operator::function::{Attributes, call, constructor, lend, local, structure, type_generics};

/// Code for a function: its constructor gives a function from stream to stream.
pub(crate) fn function(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let structure = structure(model.function, &model.params, &fields(model));
    let call = call(model.function);
    let record = &model.record;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    let [stream, operator, options] = ["stream", "operator", "options"].map(local);
    let params = model.params.iter().map(|param| &param.ident);
    let before = model.steps.before(record);
    let named = model.steps.options(&ident.unraw().to_string());
    let name = ident.unraw().to_string();
    let (declared, fold, implementation) = match &model.states {
        None => (TokenStream::new(), fold(model), None),
        Some(states) => {
            let [of_keys, of_windows] = declarations(states);
            let fold = quote!(.process_window(#name, #operator));
            (quote!(#of_keys #of_windows), fold, Some(process_window(model, states)))
        }
    };
    let state_fields = model.states.iter().map(|_| {
        let [specs, row, window_specs, window_row] = STATE_FIELDS.map(local);
        let fields = STATE_FIELDS.map(|field| Ident::new(field, Span::call_site()));
        let [specs_field, row_field, window_specs_field, window_row_field] = fields;
        quote! {
            #specs_field: #specs,
            #row_field: #row,
            #window_specs_field: #window_specs,
            #window_row_field: #window_row,
        }
    });
    // What the annotation says may name a parameter, so the parameters move into the operator last.
    let body = quote! {
        ::millstream::operator::StreamFn(move |#stream: ::millstream::stream::Stream<#record>| {
            let #options = #named;
            let #stream = #stream #before;
            #declared
            let #operator = #ident #turbofish { #(#params,)* #(#state_fields)* __types: ::core::marker::PhantomData };
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
    quote!(#structure #call #constructor #implementation)
}

/// The names of the fields for a function's states.
const STATE_FIELDS: [&str; 4] = ["__states", "__row", "__window_states", "__window_row"];

/// The fields for a function's states.
fn fields(model: &Model<'_>) -> TokenStream {
    let Some(States { of_keys, of_windows, .. }) = &model.states else { return TokenStream::new() };
    let [specs, row_field, window_specs, window_row] = STATE_FIELDS.map(|field| Ident::new(field, Span::call_site()));
    let (row, of_windows) = (row(of_keys), row(of_windows));
    quote! {
        #specs: ::std::vec::Vec<::millstream::state::StateSpec>,
        #row_field: #row,
        #window_specs: ::std::vec::Vec<::millstream::state::StateSpec>,
        #window_row: #of_windows,
    }
}

/// Local variables with what the states are, and with the empty states.
fn declarations(states: &States) -> [TokenStream; 2] {
    let [specs, row, window_specs, window_row] = STATE_FIELDS;
    [declared(&states.of_keys, specs, row).0, declared(&states.of_windows, window_specs, window_row).0]
}

/// `impl ProcessWindow`, for every type of keys unless the function takes the key.
fn process_window(model: &Model<'_>, states: &States) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(model.function);
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let mut any_key = generics.clone();
    let key_type = states.key.clone().unwrap_or_else(|| {
        any_key.params.push(syn::parse_quote!(__Key: ::millstream::Key));
        syn::parse_quote!(__Key)
    });
    let (impl_generics, _, _) = any_key.split_for_impl();
    let (record, output) = (&model.record, output(model));
    let (of_keys, of_windows) = (row(&states.of_keys), row(&states.of_windows));
    let [key, values, states, window, out] = ["_key", "values", "_states", "_window", "_out"].map(local);
    let [specs, row_field, window_specs, window_row] = STATE_FIELDS.map(|field| Ident::new(field, Span::call_site()));
    let body = contents(model, &quote!(self), &quote!(Self::call));
    quote! {
        #(#conditions)*
        impl #impl_generics ::millstream::window::ProcessWindow<#key_type> for #ident #ty_generics #where_clause {
            type In = ::std::vec::Vec<#record>;
            type Out = #output;
            type State = #of_keys;
            type WindowState = #of_windows;

            fn states(&self) -> ::std::vec::Vec<::millstream::state::StateSpec> {
                ::core::clone::Clone::clone(&self.#specs)
            }

            fn window_states(&self) -> ::std::vec::Vec<::millstream::state::StateSpec> {
                ::core::clone::Clone::clone(&self.#window_specs)
            }

            fn new_state(&self) -> Self::State {
                ::core::clone::Clone::clone(&self.#row_field)
            }

            fn new_window_state(&self) -> Self::WindowState {
                ::core::clone::Clone::clone(&self.#window_row)
            }

            fn process(
                &mut self,
                #key: &#key_type,
                #values: Self::In,
                #states: ::millstream::window::WindowStates<'_, Self::State, Self::WindowState>,
                #window: &mut ::millstream::window::WindowContext<'_>,
                #out: &mut ::millstream::operator::Collector<Self::Out>,
            ) -> ::millstream::Result<()> {
                #body
            }
        }
    }
}

/// The call of a function over all of a window's records, out of `operator`, and what becomes of what it returns.
fn contents(model: &Model<'_>, operator: &TokenStream, function: &TokenStream) -> TokenStream {
    let Fold::Contents { emission, fallible } = &model.fold else { return TokenStream::new() };
    let [values, out] = ["values", "_out"].map(local);
    let passed = passed(model, operator);
    let call = match fallible {
        // The conversion of the error is the signature's affair, so what is wrong with it is said there.
        Some(span) => quote_spanned!(*span=> #function(#(#passed),*)?),
        None => quote!(#function(#(#passed),*)),
    };
    forward(emission, &call, &values, &out)
}

/// What a function is called with.
fn passed(model: &Model<'_>, operator: &TokenStream) -> Vec<TokenStream> {
    let [first, second, key, window, values, states, out] =
        ["first", "second", "_key", "_window", "values", "_states", "_out"].map(local);
    let passed = model.arguments.iter().map(|argument| match argument {
        Passed::First => quote!(#first),
        Passed::Second => quote!(#second),
        Passed::Key => quote!(#key),
        Passed::Window => quote!(#window),
        Passed::Values => quote!(#values),
        Passed::Collector => quote!(#out),
        Passed::Param(number) => lend(operator, &model.params[*number]),
        Passed::State(number) => {
            let number = syn::Index::from(*number);
            quote!(&mut #states.key.#number)
        }
        Passed::WindowState(number) => {
            let number = syn::Index::from(*number);
            quote!(&mut #states.window.#number)
        }
    });
    passed.collect()
}

/// The call that folds a window's records by a function that remembers nothing. `operator` is in scope.
fn fold(model: &Model<'_>) -> TokenStream {
    let ident = &model.function.sig.ident;
    let generics = type_generics(model.function);
    let (_, ty_generics, _) = generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    let [operator, first, second, key, window, values, out] =
        ["operator", "first", "second", "_key", "_window", "values", "_out"].map(local);
    let call = quote!(#ident #turbofish ::call);
    match &model.fold {
        Fold::Reduce => {
            let passed = passed(model, &quote!(#operator));
            quote! {
                .reduce(move |#first, #second| {
                    let _ = &#operator;
                    #call(#(#passed),*)
                })
            }
        }
        Fold::Contents { .. } => {
            let body = contents(model, &quote!(#operator), &call);
            let (key, no_key) = match model.steps.is_whole() {
                true => (None, Some(quote!(let #key = &();))),
                false => (Some(quote!(#key,)), None),
            };
            quote! {
                .process(move |#key #window, #values, #out| {
                    let _ = &#operator;
                    #no_key
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
    let (key_argument, no_key) = match model.steps.is_whole() {
        true => (None, Some(quote!(let #key = &();))),
        false => (Some(quote!(#key,)), None),
    };
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
                let #stream = #stream.aggregate_with(self, move |#key_argument #window, #result, #out| {
                    #no_key
                    #body
                });
                ::millstream::__private::with_options(#stream, #options)
            }
        }
    }
}

/// Code for an `impl ProcessWindow`: the impl, and what applies the function to a stream.
pub(crate) fn process(model: &process::Model<'_>) -> TokenStream {
    let process::Model { item, record, key, name, steps } = model;
    let ty = &item.self_ty;
    let (impl_generics, _, where_clause) = item.generics.split_for_impl();
    let conditions: Vec<_> = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let this = quote!(<#ty as ::millstream::window::ProcessWindow<#key>>);
    let [stream, options] = ["stream", "options"].map(local);
    let (before, options_value) = (steps.before(record), steps.options(name));
    quote! {
        #item

        #(#conditions)*
        impl #impl_generics ::millstream::operator::ApplyTo<::millstream::stream::Stream<#record>> for #ty #where_clause {
            type Output = ::millstream::stream::Stream<#this::Out>;

            #[track_caller]
            fn apply_to(self, #stream: ::millstream::stream::Stream<#record>) -> Self::Output {
                let #options = #options_value;
                let #stream = #stream #before;
                ::millstream::__private::with_options(#stream.process_window(#name, self), #options)
            }
        }
    }
}
