//! What every annotated function becomes, whatever its kind.
//!
//! A function `count` becomes two items of that name: a function, the constructor, and a struct with braces, the
//! operator. The one lives among values, the other among types, so they do not clash, and neither does a local variable
//! with them. The function itself becomes `count::call`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, GenericParam, Generics, ItemFn};

use super::parse::Param;

/// A function's attributes, by which of the new items they belong to.
pub(crate) struct Attributes {
    /// Documentation: of the constructor.
    pub(crate) docs: Vec<Attribute>,
    /// Conditions: of every item.
    pub(crate) conditions: Vec<Attribute>,
    /// All others: of the function itself.
    others: Vec<Attribute>,
}

impl Attributes {
    /// Sorts the attributes of `function`.
    pub(crate) fn of(function: &ItemFn) -> Self {
        let mut sorted = Self { docs: Vec::new(), conditions: Vec::new(), others: Vec::new() };
        for attribute in &function.attrs {
            let place = match attribute.path().get_ident() {
                Some(ident) if ident == "doc" => &mut sorted.docs,
                Some(ident) if ident == "cfg" => &mut sorted.conditions,
                _ => &mut sorted.others,
            };
            place.push(attribute.clone());
        }
        sorted
    }
}

/// The generics of the operator's type: lifetimes belong to the call alone.
pub(crate) fn type_generics(function: &ItemFn) -> Generics {
    let mut generics = function.sig.generics.clone();
    let params = std::mem::take(&mut generics.params);
    generics.params = params.into_iter().filter(|param| !matches!(param, GenericParam::Lifetime(_))).collect();
    generics
}

/// The operator's type, with the constructor's arguments and `fields` as its fields.
pub(crate) fn structure(function: &ItemFn, params: &[Param], fields: &TokenStream) -> TokenStream {
    let Attributes { conditions, .. } = Attributes::of(function);
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let doc = format!("The operator that [`{ident}()`] makes.");
    let params = params.iter().map(|Param { ident, ty, .. }| quote!(#ident: #ty));
    let generics = type_generics(function);
    let types = generics.type_params().map(|param| &param.ident);
    let (parameters, where_clause) = (&generics.params, &generics.where_clause);
    quote! {
        #(#conditions)*
        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code)]
        #[derive(::core::clone::Clone)]
        #vis struct #ident <#parameters> #where_clause {
            #(#params,)*
            #fields
            __types: ::core::marker::PhantomData<fn() -> (#(#types,)*)>,
        }
    }
}

/// The function itself, as an associated function of the operator's type.
pub(crate) fn call(function: &ItemFn) -> TokenStream {
    let Attributes { conditions, others, .. } = Attributes::of(function);
    let (vis, ident, block) = (&function.vis, &function.sig.ident, &function.block);
    let generics = type_generics(function);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let mut signature = function.sig.clone();
    signature.ident = Ident::new("call", ident.span());
    let lifetimes = function.sig.generics.lifetimes().map(|lifetime| GenericParam::Lifetime(lifetime.clone()));
    signature.generics = Generics { params: lifetimes.collect(), ..Generics::default() };
    quote! {
        #(#conditions)*
        impl #impl_generics #ident #ty_generics #where_clause {
            /// The annotated function itself, for unit tests.
            #(#others)*
            #vis #signature #block
        }
    }
}

/// The constructor: documentation, visibility, name and arguments are those of the function.
pub(crate) fn constructor(
    function: &ItemFn,
    params: &[Param],
    returns: impl ToTokens,
    body: impl ToTokens,
) -> TokenStream {
    let Attributes { docs, conditions, .. } = Attributes::of(function);
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let params = params.iter().map(|Param { ident, ty, .. }| quote!(#ident: #ty));
    let generics = type_generics(function);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #(#docs)*
        #(#conditions)*
        #vis fn #ident #impl_generics (#(#params),*) -> #returns #where_clause {
            #body
        }
    }
}

/// A parameter, out of the operator that is in scope as `operator`.
pub(crate) fn lend(operator: impl ToTokens, param: &Param) -> TokenStream {
    let ident = &param.ident;
    if param.by_reference { quote!(&#operator.#ident) } else { quote!(::core::clone::Clone::clone(&#operator.#ident)) }
}

/// A local variable that the user's code cannot see.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
