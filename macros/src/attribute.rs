//! The one parser of annotations' arguments: `key`, or `key = expression`, separated by commas.
//!
//! Which keys there are is given by a table. After a mistake the parser goes on with the next argument, so that the
//! rest of the annotation still counts.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Ident, Token, Type};

use crate::diagnostics::{Diagnostics, closest, one_of};

/// An argument that an annotation may have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// The word before the `=`.
    pub(crate) key: &'static str,
    /// Whether a value follows.
    pub(crate) takes: Takes,
    /// How it is written, for error messages.
    pub(crate) example: &'static str,
}

/// Whether an argument has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// It stands alone.
    Nothing,
    /// It must have one.
    Value,
    /// It may have one.
    Either,
    /// It must have one, and may be given several times.
    Values,
    /// It must have one, which is a type.
    Type,
}

/// The arguments of one annotation.
#[derive(Default)]
pub(crate) struct Arguments {
    entries: Vec<Entry>,
}

struct Entry {
    key: Ident,
    value: Option<Expr>,
}

impl Arguments {
    /// Parses what stands between the parentheses of `annotation`.
    pub(crate) fn parse(
        tokens: TokenStream,
        annotation: &str,
        allowed: &[Argument],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut arguments = Self::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let understood = arguments.parse_one(input, annotation, allowed, diagnostics);
                if !understood {
                    skip_to_comma(input)?;
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    diagnostics.error_at(input.span(), "expected `,` before the next argument");
                    skip_to_comma(input)?;
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        let parsed = parser.parse2(tokens);
        diagnostics.ok(parsed);
        arguments
    }

    /// Parses one argument; answers whether that ended where it should. The key counts as given even if its value is
    /// wrong, so that nothing else complains that it is missing.
    fn parse_one(
        &mut self,
        input: ParseStream<'_>,
        annotation: &str,
        allowed: &[Argument],
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let Some((key, argument)) = diagnostics.ok(parse_key(input, annotation, allowed)) else { return false };
        let value = diagnostics.ok(parse_value(input, &key, argument));
        let understood = value.is_some();
        self.insert(Entry { key, value: value.flatten() }, argument, diagnostics);
        understood
    }

    fn insert(&mut self, entry: Entry, argument: &Argument, diagnostics: &mut Diagnostics) {
        if argument.takes != Takes::Values && self.entries.iter().any(|earlier| earlier.key == entry.key) {
            diagnostics.error(&entry.key, format!("`{}` is given twice: leave one of them out", entry.key));
        } else {
            self.entries.push(entry);
        }
    }

    /// The key as it was written, if it was.
    pub(crate) fn key(&self, key: &str) -> Option<&Ident> {
        self.entries.iter().map(|entry| &entry.key).find(|written| *written == key)
    }

    /// The value of a key, if it has one.
    pub(crate) fn value(&self, key: &str) -> Option<&Expr> {
        self.entries.iter().find(|entry| entry.key == key)?.value.as_ref()
    }

    /// All keys that have a value with their values, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&Ident, &Expr)> {
        self.entries.iter().filter_map(|entry| Some((&entry.key, entry.value.as_ref()?)))
    }

    /// All keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Ident> {
        self.entries.iter().map(|entry| &entry.key)
    }
}

fn parse_key<'a>(
    input: ParseStream<'_>,
    annotation: &str,
    allowed: &'a [Argument],
) -> syn::Result<(Ident, &'a Argument)> {
    if !input.peek(Ident::peek_any) {
        let examples = one_of(allowed.iter().map(|argument| argument.example));
        return Err(input.error(format!("expected an argument of `{annotation}`: {examples}")));
    }
    let key = Ident::parse_any(input)?;
    match allowed.iter().find(|argument| key == argument.key) {
        Some(argument) => Ok((key, argument)),
        None => Err(unknown(&key, annotation, allowed)),
    }
}

fn parse_value(input: ParseStream<'_>, key: &Ident, argument: &Argument) -> syn::Result<Option<Expr>> {
    if input.peek(syn::token::Paren) {
        return Err(input.error(format!("arguments are written with `=`: write `{}`", argument.example)));
    }
    let equals: Option<Token![=]> = input.parse()?;
    match (equals, argument.takes) {
        (Some(equals), Takes::Nothing) => {
            let message = format!("`{key}` has no value: write `{}`", argument.example);
            Err(syn::Error::new_spanned(equals, message))
        }
        (Some(_), _) if input.is_empty() || input.peek(Token![,]) => {
            Err(syn::Error::new_spanned(key, missing_value(key, argument)))
        }
        // A type as an expression, which the parser of expressions would not take for one.
        (Some(_), Takes::Type) => input.parse::<Type>().map(|ty| Some(Expr::Verbatim(ty.to_token_stream()))),
        (Some(_), _) => input.parse().map(Some),
        (None, Takes::Value | Takes::Values | Takes::Type) => {
            Err(syn::Error::new_spanned(key, missing_value(key, argument)))
        }
        (None, _) => Ok(None),
    }
}

fn missing_value(key: &Ident, argument: &Argument) -> String {
    format!("`{key}` needs a value: write `{}`", argument.example)
}

fn unknown(key: &Ident, annotation: &str, allowed: &[Argument]) -> syn::Error {
    let keys = allowed.iter().map(|argument| argument.key);
    let fix = match closest(&key.to_string(), keys.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it may be {}", one_of(keys)),
    };
    syn::Error::new_spanned(key, format!("`{annotation}` has no argument `{key}`: {fix}"))
}

/// Goes to the next comma that is not inside parentheses.
fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[Argument] = &[
        Argument { key: "uid", takes: Takes::Value, example: "uid = \"name\"" },
        Argument { key: "map", takes: Takes::Nothing, example: "map" },
        Argument { key: "blocking", takes: Takes::Either, example: "blocking = 16" },
        Argument { key: "filter", takes: Takes::Values, example: "filter = is_login" },
        Argument { key: "event", takes: Takes::Type, example: "event = Event" },
    ];

    #[track_caller]
    fn check(text: &str, keys: &[&str], messages: &[&str]) {
        let mut diagnostics = Diagnostics::new();
        let tokens = text.parse().expect("tokens");
        let arguments = Arguments::parse(tokens, "#[operator]", ALLOWED, &mut diagnostics);
        assert_eq!(arguments.keys().map(ToString::to_string).collect::<Vec<_>>(), keys);
        assert_eq!(diagnostics.into_messages(), messages);
    }

    #[test]
    fn arguments_stand_alone_or_have_a_value() {
        check("uid = format!(\"a{}\", 1), map, blocking", &["uid", "map", "blocking"], &[]);
        check("blocking = 4,", &["blocking"], &[]);
        check("", &[], &[]);
    }

    #[test]
    fn some_arguments_may_be_given_several_times() {
        check("filter = a, filter = |x| x > 1", &["filter", "filter"], &[]);
        check("filter, map", &["filter", "map"], &["`filter` needs a value: write `filter = is_login`"]);
    }

    #[test]
    fn a_type_is_no_expression() {
        check("event = (u64, Vec<u8>), map", &["event", "map"], &[]);
    }

    #[test]
    fn a_misspelt_key_says_what_was_meant() {
        check("uidd = 1", &[], &["`#[operator]` has no argument `uidd`: did you mean `uid`?"]);
    }

    #[test]
    fn an_unknown_key_says_what_there_is() {
        check(
            "colour",
            &[],
            &["`#[operator]` has no argument `colour`: it may be `uid`, `map`, `blocking`, `filter` or `event`"],
        );
    }

    #[test]
    fn the_arguments_after_a_mistake_still_count() {
        check(
            "uid, map = 3, uid = 2, uid = 3, blocking",
            &["uid", "map", "blocking"],
            &[
                "`uid` needs a value: write `uid = \"name\"`",
                "`map` has no value: write `map`",
                "`uid` is given twice: leave one of them out",
                "`uid` is given twice: leave one of them out",
            ],
        );
    }

    #[test]
    fn a_missing_comma_is_said() {
        check("map blocking", &["map"], &["expected `,` before the next argument"]);
    }

    #[test]
    fn parentheses_in_place_of_an_equals_sign_are_explained() {
        check("uid(\"a\"), map", &["uid", "map"], &["arguments are written with `=`: write `uid = \"name\"`"]);
    }
}
