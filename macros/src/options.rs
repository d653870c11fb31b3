//! What every kind of operator can be annotated with: name, uid, parallelism, what to do with errors.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Expr, ExprLit, Lit, Path};

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::types::written;

/// The options that were given, all of them in order.
#[derive(Default)]
pub(crate) struct Options {
    /// An expression that is text when borrowed.
    pub(crate) name: Option<Expr>,
    /// An expression that is text when borrowed.
    pub(crate) uid: Option<Expr>,
    /// An expression of type `usize`.
    pub(crate) parallelism: Option<Expr>,
    /// `None` if the annotation says nothing.
    pub(crate) on_error: Option<OnError>,
}

/// What becomes of a record for which the function fails.
pub(crate) enum OnError {
    Fail,
    Skip,
    /// The tag's expression.
    SideOutput(Expr),
}

impl OnError {
    /// An expression of type `OnError<T>`.
    pub(crate) fn expand(&self) -> TokenStream {
        let variant = match self {
            Self::Fail => quote!(Fail),
            Self::Skip => quote!(Skip),
            Self::SideOutput(tag) => quote!(SideOutput(#tag)),
        };
        quote!(::millstream::operator::OnError::#variant)
    }
}

impl Options {
    /// Checks the options among `arguments`.
    pub(crate) fn model(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Self {
        Self {
            name: text("name", arguments, diagnostics),
            uid: text("uid", arguments, diagnostics),
            parallelism: count("parallelism", arguments, diagnostics),
            on_error: on_error(arguments, diagnostics),
        }
    }

    /// An expression of type `OperatorOptions`, for an operator called `name` unless the annotation says otherwise.
    pub(crate) fn expand(&self, name: &str) -> TokenStream {
        // Borrowed, since a parameter that is named here goes into the operator afterwards.
        let text = |text: &Expr| quote!(::millstream::__private::text(&#text));
        let name = self.name.as_ref().map_or_else(|| quote!(#name), text);
        let uid = self.uid.iter().map(text);
        let parallelism = self.parallelism.iter();
        let on_error = self.on_error.iter().map(OnError::expand);
        quote! {
            ::millstream::operator::OperatorOptions::named(#name)
                #(.uid(#uid))*
                #(.parallelism(#parallelism))*
                #(.on_error(#on_error))*
        }
    }
}

/// A number of at least one: a literal is checked here, any other expression by the compiler.
pub(crate) fn count(key: &str, arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<Expr> {
    let value = arguments.value(key)?;
    let reason = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse::<usize>() {
            Ok(0) => "it must be at least 1".to_owned(),
            Ok(_) => return Some(value.clone()),
            Err(error) => error.to_string(),
        },
        Expr::Lit(ExprLit { lit, .. }) => format!("found `{}`", lit.to_token_stream()),
        _ => return Some(value.clone()),
    };
    diagnostics.error(value, format!("`{key}` is not a count ({reason}): write a number, such as `{key} = 4`"));
    None
}

/// A text: a literal is checked here, any other expression by the compiler.
pub(crate) fn text(key: &str, arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<Expr> {
    let value = arguments.value(key)?;
    let reason = match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().trim().is_empty() => "it is empty".to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => return Some(value.clone()),
        Expr::Lit(ExprLit { lit, .. }) => format!("found `{}`", lit.to_token_stream()),
        _ => return Some(value.clone()),
    };
    diagnostics.error(value, format!("`{key}` is not a name ({reason}): write text, such as `{key} = \"clicks\"`"));
    None
}

fn on_error(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<OnError> {
    let value = arguments.value("on_error")?;
    match value {
        Expr::Path(path) if path.path.is_ident("fail") => return Some(OnError::Fail),
        Expr::Path(path) if path.path.is_ident("skip") => return Some(OnError::Skip),
        Expr::Call(call) if is_path(&call.func, "side_output") && call.args.len() == 1 => {
            return call.args.first().cloned().map(OnError::SideOutput);
        }
        _ => {}
    }
    let found = written(value);
    diagnostics.error(
        value,
        format!("`on_error` cannot be `{found}`: write `fail`, `skip` or `side_output(TAG)`, where `TAG` is an `OutputTag<(T, String)>` for records of type `T`"),
    );
    None
}

/// Whether an expression is this one word.
pub(crate) fn is_path(expression: &Expr, word: &str) -> bool {
    word_of(expression).is_some_and(|path| path.is_ident(word))
}

fn word_of(expression: &Expr) -> Option<&Path> {
    match expression {
        Expr::Path(path) if path.qself.is_none() => Some(&path.path),
        _ => None,
    }
}
