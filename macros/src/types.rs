//! Looking at types as they are written.
//!
//! A macro sees names, not types: an alias of `Vec` is not recognised as one. Where that matters the kind can be named.

use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, PathSegment, ReturnType, Type, TypeParamBound};

/// Tokens as one would write them.
pub(crate) fn written(tokens: impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let closed = [(" :: ", "::"), (":: ", "::"), (" < ", "<"), ("< ", "<"), (" >", ">"), ("& ", "&"), (" ,", ",")];
    closed.iter().fold(spaced, |text, (from, to)| text.replace(from, to))
}

/// The last word of a path type, with its arguments: `Vec<T>` of `std::vec::Vec<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Paren(inner) => last_segment(&inner.elem),
        Type::Group(inner) => last_segment(&inner.elem),
        _ => None,
    }
}

/// The first type argument, if the type's last word is `word`: `U` of `Vec<U>`.
pub(crate) fn argument_of<'a>(ty: &'a Type, word: &str) -> Option<&'a Type> {
    last_segment(ty).filter(|segment| segment.ident == word).and_then(first_argument)
}

/// The first type argument.
fn first_argument(segment: &PathSegment) -> Option<&Type> {
    type_arguments(segment).next()
}

/// All type arguments.
pub(crate) fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The first type argument of `&mut Word<U>`.
pub(crate) fn argument_of_mut<'a>(ty: &'a Type, word: &str) -> Option<&'a Type> {
    argument_of(referent(ty)?, word)
}

/// What a reference refers to.
pub(crate) fn referent(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) => Some(&reference.elem),
        Type::Paren(inner) => referent(&inner.elem),
        Type::Group(inner) => referent(&inner.elem),
        _ => None,
    }
}

/// Whether the type is this one word, whatever its path and arguments.
pub(crate) fn is_named(ty: &Type, word: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == word)
}

/// `U` of `impl Iterator<Item = U>` and `impl IntoIterator<Item = U>`.
pub(crate) fn item_of_impl(ty: &Type) -> Option<&Type> {
    let Type::ImplTrait(bounds) = ty else { return None };
    bounds.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => item_of_path(&bound.path),
        _ => None,
    })
}

fn item_of_path(path: &Path) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Item" => Some(&assoc.ty),
        _ => None,
    })
}

/// Whether nothing is returned.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The type that owns what is referred to: `String` for `str`, `Vec<T>` for `[T]`, the type itself for any other.
pub(crate) fn owned(ty: &Type) -> Type {
    match ty {
        Type::Slice(slice) => {
            let element = &slice.elem;
            syn::parse_quote!(::std::vec::Vec<#element>)
        }
        Type::Path(path) if path.path.is_ident("str") => syn::parse_quote!(::std::string::String),
        Type::Paren(inner) => owned(&inner.elem),
        Type::Group(inner) => owned(&inner.elem),
        other => other.clone(),
    }
}

/// What a function returns, split into the value and whether it is wrapped into a `Result`.
pub(crate) struct Returned {
    /// The value's type; `None` for `()`.
    pub(crate) value: Option<Type>,
    /// Whether the function may fail.
    pub(crate) fallible: bool,
}

impl Returned {
    /// Reads a return type. `Result` is recognised by its name.
    pub(crate) fn of(output: &ReturnType) -> Self {
        let ReturnType::Type(_, ty) = output else { return Self { value: None, fallible: false } };
        let fallible = is_named(ty, "Result");
        let value = if fallible { last_segment(ty).and_then(first_argument) } else { Some(&**ty) };
        Self { value: value.filter(|value| !is_unit(value)).cloned(), fallible }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use syn::parse_quote;

    #[test]
    fn the_value_of_a_result_is_found_under_any_path() {
        for text in ["-> Result<u64>", "-> std::result::Result<u64, Error>", "-> io::Result<u64>"] {
            let returned = Returned::of(&syn::parse_str(text).expect("a return type"));
            assert!(returned.fallible, "{text}");
            assert_eq!(returned.value, Some(parse_quote!(u64)), "{text}");
        }
    }

    #[test]
    fn a_type_is_shown_as_it_was_written() {
        for text in ["Vec<&str>", "std::collections::HashMap<K, Vec<V>>", "(u8, &[u64])"] {
            assert_eq!(written(syn::parse_str::<Type>(text).expect("a type")), text);
        }
    }

    #[test]
    fn unit_is_no_value() {
        for text in ["", "-> ()", "-> Result<()>"] {
            assert!(Returned::of(&syn::parse_str(text).expect("a return type")).value.is_none(), "{text}");
        }
    }

    #[test]
    fn text_and_slices_are_owned_by_their_usual_owners() {
        assert_eq!(owned(&parse_quote!(str)).to_token_stream().to_string(), quote!(::std::string::String).to_string());
        assert_eq!(owned(&parse_quote!([u8])), parse_quote!(::std::vec::Vec<u8>));
        assert_eq!(owned(&parse_quote!(Reading)), parse_quote!(Reading));
    }

    #[test]
    fn the_item_of_an_iterator_is_found() {
        let ty: Type = parse_quote!(impl Iterator<Item = String> + 'static);
        assert_eq!(item_of_impl(&ty), Some(&parse_quote!(String)));
    }
}
