//! `key = ..`: how a windowed operator groups its records.
//!
//! The expression's first name is the record: `click.user` reads "of each click, the user". A field is borrowed from the
//! record; anything else is computed from it.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Expr, Ident, Type};

use crate::diagnostics::Diagnostics;
use crate::types::written;

/// How the key of a record is found.
#[derive(Debug)]
pub(crate) enum Selector {
    /// A part of the record that goes by this name.
    Borrowed(Ident, Expr),
    /// The record itself.
    Whole,
    /// Computed from the record that goes by this name.
    Computed(Ident, Expr),
    /// By a function or a closure of the user's.
    Function(Expr),
}

impl Selector {
    /// Reads the expression. `None` if it names no record.
    pub(crate) fn model(key: &Expr, diagnostics: &mut Diagnostics) -> Option<Self> {
        if matches!(key, Expr::Closure(_)) {
            return Some(Self::Function(key.clone()));
        }
        let Some(record) = record(key) else {
            let found = written(key);
            let fix = "begin with a name for the record, as in `key = click.user`, or write a closure, as in `key = |click| click.user.clone()`";
            diagnostics.error(key, format!("`{found}` names no record: {fix}"));
            return None;
        };
        Some(match key {
            Expr::Path(_) => Self::Whole,
            Expr::Reference(reference) if is_field(&reference.expr) => {
                Self::Borrowed(record, (*reference.expr).clone())
            }
            _ if is_field(key) => Self::Borrowed(record, key.clone()),
            _ => Self::Computed(record, key.clone()),
        })
    }

    /// The call that groups a stream of records of type `ty`.
    pub(crate) fn expand(&self, ty: &Type) -> TokenStream {
        match self {
            Self::Borrowed(record, field) => quote!(.key_by(|#record: &#ty| &#field)),
            Self::Whole => quote!(.key_by(|record: &#ty| record)),
            Self::Computed(record, expression) => {
                let key = cloned(expression);
                quote!(.key_by_owned(|#record: &#ty| #key))
            }
            Self::Function(function) => quote!(.key_by_owned(#function)),
        }
    }
}

/// The name that stands first in an expression.
fn record(expression: &Expr) -> Option<Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident().filter(|ident| *ident != "self").cloned(),
        Expr::Field(field) => record(&field.base),
        Expr::MethodCall(call) => record(&call.receiver),
        Expr::Index(index) => record(&index.expr),
        Expr::Reference(reference) => record(&reference.expr),
        Expr::Paren(inner) => record(&inner.expr),
        Expr::Group(inner) => record(&inner.expr),
        Expr::Unary(unary) => record(&unary.expr),
        Expr::Cast(cast) => record(&cast.expr),
        Expr::Binary(binary) => record(&binary.left),
        Expr::Tuple(tuple) => tuple.elems.first().and_then(record),
        Expr::Call(call) => call.args.first().and_then(record),
        _ => None,
    }
}

/// Whether an expression is a name with fields: a place that can be borrowed or cloned.
fn is_field(expression: &Expr) -> bool {
    match expression {
        Expr::Field(field) => matches!(&*field.base, Expr::Path(_)) || is_field(&field.base),
        _ => false,
    }
}

/// The expression with its fields cloned where they would be moved out of the record.
fn cloned(expression: &Expr) -> TokenStream {
    match expression {
        Expr::Tuple(tuple) => {
            let elements = tuple.elems.iter().map(cloned);
            quote!((#(#elements,)*))
        }
        field if is_field(field) => quote!(::core::clone::Clone::clone(&#field)),
        other => other.to_token_stream(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[track_caller]
    fn check(key: Expr, call: TokenStream) {
        let mut diagnostics = Diagnostics::new();
        let selector = Selector::model(&key, &mut diagnostics).expect("a selector");
        assert!(diagnostics.into_messages().is_empty());
        assert_eq!(selector.expand(&parse_quote!(Click)).to_string(), call.to_string());
    }

    #[test]
    fn a_field_is_borrowed_from_the_record() {
        check(parse_quote!(click.user), quote!(.key_by(|click: &Click| &click.user)));
        check(parse_quote!(&click.by.0), quote!(.key_by(|click: &Click| &click.by.0)));
    }

    #[test]
    fn what_is_computed_is_not() {
        check(parse_quote!(click.user.len()), quote!(.key_by_owned(|click: &Click| click.user.len())));
        check(parse_quote!(click.at / 10), quote!(.key_by_owned(|click: &Click| click.at / 10)));
    }

    #[test]
    fn the_fields_of_a_tuple_are_cloned() {
        check(
            parse_quote!((click.user, click.page.len())),
            quote!(.key_by_owned(|click: &Click| (::core::clone::Clone::clone(&click.user), click.page.len(),))),
        );
    }

    #[test]
    fn an_expression_without_a_record_is_an_error() {
        let mut diagnostics = Diagnostics::new();
        assert!(Selector::model(&parse_quote!(42), &mut diagnostics).is_none());
        assert!(diagnostics.into_messages()[0].starts_with("`42` names no record"));
    }
}
