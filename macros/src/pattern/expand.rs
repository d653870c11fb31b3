//! From the model of a pattern to its code. Cannot fail.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Type};

use super::conditions::Condition;
use super::fields::{Content, Quantity};
use super::model::{AfterMatch, Model, Stage};
use super::parse::Link;
use crate::operator::function::local;

/// Code for the pattern.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model { input, event, stages, .. } = model;
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let found = local("found");
    let built = stages.iter().map(|stage| build(stage, event));
    let within = model.within.iter();
    let after_match = model.after_match.iter().map(strategy);
    let fields = stages.iter().map(|stage| field(stage, event));
    let group = group(model);
    let unread = unread(model);
    quote! {
        impl #impl_generics ::millstream::cep::TypedPattern for #ident #ty_generics #where_clause {
            type Event = #event;

            fn pattern() -> ::millstream::cep::Pattern<#event> {
                ::millstream::cep::Pattern::<#event> #(#built)* #(.within(#within))* #(.after_match(#after_match))*
            }

            fn from_match(#found: &mut ::millstream::cep::Match<#event>) -> ::millstream::Result<Self> {
                ::millstream::Result::Ok(Self { #(#fields,)* })
            }
        }

        #group

        #unread
    }
}

/// What stands in for a struct that is no pattern, so that what uses it is not wrong, too.
pub(crate) fn unfinished(input: &DeriveInput, event: Option<&Type>) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let event = event.map_or_else(|| quote!(()), |event| quote!(#event));
    quote! {
        impl #impl_generics ::millstream::cep::TypedPattern for #ident #ty_generics #where_clause {
            type Event = #event;

            fn pattern() -> ::millstream::cep::Pattern<#event> {
                ::millstream::__private::unfinished()
            }

            fn from_match(_: &mut ::millstream::cep::Match<#event>) -> ::millstream::Result<Self> {
                ::millstream::__private::unfinished()
            }
        }

        impl #impl_generics ::millstream::cep::PatternGroup for #ident #ty_generics #where_clause {
            fn is_in(_: &::millstream::cep::Match<#event>) -> bool {
                ::millstream::__private::unfinished()
            }
        }

        impl #impl_generics ::millstream::cep::RepeatedGroup for #ident #ty_generics #where_clause {}
    }
}

/// The calls that add a stage.
fn build(stage: &Stage<'_>, event: &Type) -> TokenStream {
    let name = &stage.name;
    let link = stage.marked.link.word();
    let added = match &stage.content {
        Content::Group(group) => {
            let method = Ident::new(&format!("{link}_group"), Span::call_site());
            quote!(#method(<#group as ::millstream::cep::TypedPattern>::pattern()))
        }
        _ => {
            let method = Ident::new(link, Span::call_site());
            quote!(#method(#name))
        }
    };
    let added = if stage.marked.link == Link::Begin { quote!(::#added) } else { quote!(.#added) };
    let variant = stage.variant.filter(|_| stage.conditions.is_empty()).map(|variant| {
        let event_local = local("event");
        quote!(.where_(|#event_local: &#event| ::core::matches!(#event_local, #variant { .. })))
    });
    let conditions = stage.conditions.iter().map(|condition| self::condition(condition, stage, event));
    let repeat = stage.repeat.iter().map(|repeat| match &repeat.times {
        Some(times) => quote!(.times(#times)),
        None => quote!(.one_or_more()),
    });
    let optional = (stage.quantity == Quantity::Optional || stage.has("optional")).then(|| quote!(.optional()));
    let said = ["consecutive", "allow_combinations", "greedy"].into_iter().filter(|word| stage.has(word));
    let said = said.map(|word| Ident::new(word, Span::call_site()));
    let until = stage.until.iter().map(|Condition { method, test, .. }| {
        let method = Ident::new(method, Span::call_site());
        quote!(.#method(#test))
    });
    let (within_previous, repeats_within) = (stage.within_previous.iter(), stage.repeats_within.iter());
    quote! {
        #added #variant #(#conditions)* #(#repeat)* #optional #(.#said())* #(#until)*
        #(.within_previous(#within_previous))* #(.repeats_within(#repeats_within))*
    }
}

/// The call that adds a condition.
fn condition(condition: &Condition, stage: &Stage<'_>, event: &Type) -> TokenStream {
    let Condition { method, is_iterative, test } = condition;
    let method = Ident::new(method, Span::call_site());
    let Some(variant) = stage.variant else { return quote!(.#method(#test)) };
    let of_kind = Ident::new(if *is_iterative { "of_kind_with" } else { "of_kind" }, Span::call_site());
    let [event_local, held] = ["event", "held"].map(local);
    let (matched, extracted) = match stage.content {
        Content::Held(_) => (quote!(#variant(#held)), &held),
        _ => (quote!(#variant { .. }), &event_local),
    };
    quote! {
        .#method(::millstream::__private::#of_kind(
            |#event_local: &#event| {
                #[allow(unreachable_patterns)]
                match #event_local {
                    #matched => ::core::option::Option::Some(#extracted),
                    _ => ::core::option::Option::None,
                }
            },
            #test,
        ))
    }
}

/// A field of the match.
fn field(stage: &Stage<'_>, event: &Type) -> TokenStream {
    let (ident, name) = (stage.marked.ident, &stage.name);
    // What does not fit the type is said there.
    let span = stage.marked.field.ty.span();
    let found = &Ident::new("found", Span::mixed_site().located_at(span));
    let taken = match (&stage.content, stage.quantity) {
        (_, Quantity::Never) => quote!(()),
        (Content::Group(group), Quantity::One) => {
            quote_spanned!(span=> ::millstream::__private::group::<#group>(#found)?)
        }
        (Content::Group(group), Quantity::Optional) => {
            quote_spanned!(span=> ::millstream::__private::optional_group::<#group>(#found)?)
        }
        (Content::Group(group), Quantity::Many) => {
            quote_spanned!(span=> ::millstream::__private::rounds::<#group>(#found)?)
        }
        (Content::Event, Quantity::One) => quote_spanned!(span=> #found.take_one(#name)?),
        (Content::Event, Quantity::Optional) => quote_spanned!(span=> #found.take_first(#name)),
        (Content::Event, Quantity::Many) => events(stage, found),
        (Content::Held(variant), quantity) => {
            let [event_local, held] = ["event", "held"].map(local);
            let extract = quote! {
                |#event_local: #event| {
                    #[allow(unreachable_patterns)]
                    match #event_local {
                        #variant(#held) => ::core::option::Option::Some(#held),
                        _ => ::core::option::Option::None,
                    }
                }
            };
            match quantity {
                Quantity::Many => {
                    let events = events(stage, found);
                    quote_spanned!(span=> ::millstream::__private::held(#events, #extract))
                }
                Quantity::Optional => {
                    quote_spanned!(span=> ::millstream::__private::held_first(#found, #name, #extract))
                }
                _ => quote_spanned!(span=> ::millstream::__private::held_one(#found, #name, #extract)?),
            }
        }
    };
    quote!(#ident: #taken)
}

/// The events of a repeated stage: so many as belong to one round, should the pattern be a repeated group.
fn events(stage: &Stage<'_>, found: &Ident) -> TokenStream {
    let (name, span) = (&stage.name, stage.marked.field.ty.span());
    match stage.fixed() {
        Some(count) => {
            let count = count as usize;
            quote_spanned!(span=> #found.take_some(#name, #count))
        }
        None => quote_spanned!(span=> #found.take(#name)),
    }
}

/// What makes the pattern a group in others.
fn group(model: &Model<'_>) -> Option<TokenStream> {
    if model.after_match.is_some() {
        return None;
    }
    let Model { input, event, stages, .. } = model;
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let found = local("found");
    let matched = stages.iter().filter(|stage| stage.quantity != Quantity::Never).map(|stage| match &stage.content {
        Content::Group(group) => quote!(<#group as ::millstream::cep::PatternGroup>::is_in(#found)),
        _ => {
            let name = &stage.name;
            quote!(#found.get(#name).is_some())
        }
    });
    let repeated = stages
        .iter()
        .all(|stage| stage.fixed().is_some())
        .then(|| quote!(impl #impl_generics ::millstream::cep::RepeatedGroup for #ident #ty_generics #where_clause {}));
    Some(quote! {
        impl #impl_generics ::millstream::cep::PatternGroup for #ident #ty_generics #where_clause {
            fn is_in(#found: &::millstream::cep::Match<#event>) -> bool {
                #(#matched)||*
            }
        }

        #repeated
    })
}

/// Reads the fields of what is not to be, which nobody else does, so that the compiler does not warn of them.
fn unread(model: &Model<'_>) -> Option<TokenStream> {
    let ident = &model.input.ident;
    let (impl_generics, ty_generics, where_clause) = model.input.generics.split_for_impl();
    let negative: Vec<_> =
        model.stages.iter().filter(|stage| stage.quantity == Quantity::Never).map(|stage| stage.marked.ident).collect();
    (!negative.is_empty()).then(|| {
        quote! {
            const _: () = {
                #[allow(dead_code)]
                fn read #impl_generics (pattern: &#ident #ty_generics) #where_clause {
                    #(let _ = &pattern.#negative;)*
                }
            };
        }
    })
}

/// An expression of type `AfterMatch`.
fn strategy(after_match: &AfterMatch) -> TokenStream {
    let to = |method: &str, stage: &str, is_strict: bool| {
        let method = Ident::new(method, Span::call_site());
        let strict = is_strict.then(|| quote!(.throw_exception_on_miss()));
        quote!(#method(#stage) #strict)
    };
    let strategy = match after_match {
        AfterMatch::NoSkip => quote!(NoSkip),
        AfterMatch::SkipToNext => quote!(SkipToNext),
        AfterMatch::SkipPastLastEvent => quote!(SkipPastLastEvent),
        AfterMatch::SkipToFirst(stage, is_strict) => to("skip_to_first", stage, *is_strict),
        AfterMatch::SkipToLast(stage, is_strict) => to("skip_to_last", stage, *is_strict),
    };
    quote!(::millstream::cep::AfterMatch::#strategy)
}
