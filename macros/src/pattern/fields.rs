//! What the fields hold: an event, what an event of one kind holds, or a group; once, at most once or several times.

use syn::{Path, Type};

use super::parse::Marked;
use super::quantity::Repeat;
use crate::diagnostics::Diagnostics;
use crate::types::{argument_of, is_unit, written};

/// How often a field holds what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Nothing: what is not to be.
    Never,
    One,
    Optional,
    Many,
}

/// What a field holds.
pub(crate) enum Content<'a> {
    Event,
    /// What the events of a variant hold.
    Held(&'a Path),
    /// Another pattern.
    Group(&'a Type),
}

/// Rule: type and attribute agree on how often. Answers that, and what there is so often.
pub(crate) fn quantity<'a>(
    marked: &Marked<'a>,
    event: &Type,
    repeat: Option<&Repeat>,
    diagnostics: &mut Diagnostics,
) -> (Quantity, &'a Type) {
    let ty = &marked.field.ty;
    let name = marked.ident;
    let (found, inner) = by_type(ty, event);
    let element = if is_unit(inner) { written(event) } else { written(inner) };
    if marked.link.is_negative() {
        if found != Quantity::Never {
            diagnostics.error(ty, format!("`{name}` is not to be, so a match has no event of it: write `()`"));
        }
        return (Quantity::Never, ty);
    }
    let says_times = marked.arguments.key("times").or(marked.arguments.key("one_or_more"));
    let may_be_none = marked.arguments.key("optional").is_some();
    match (found, says_times) {
        (Quantity::Never, _) => {
            diagnostics.error(ty, format!("a match has an event of `{name}`: write `{element}`"));
        }
        (Quantity::One | Quantity::Optional, Some(word)) => {
            diagnostics.error(
                ty,
                format!("`{name}` has `{word}`, so a match has several events of it: write `Vec<{element}>`"),
            );
        }
        (Quantity::Many, None) => {
            let fix = format!("add `times = 1..` or another number to its attribute, or write `{element}`");
            diagnostics.error(ty, format!("how often is `{name}` to match? {fix}"));
        }
        (Quantity::One, None) if may_be_none => {
            diagnostics.error(ty, format!("`{name}` is optional: write `Option<{element}>`"));
        }
        _ => {}
    }
    if let Some(word) = marked.arguments.key("optional") {
        let already = match found {
            Quantity::Optional => Some("an `Option` is optional already"),
            _ if repeat.is_some_and(|repeat| repeat.may_be_none) => Some("`times` from 0 on is optional already"),
            _ => None,
        };
        if let Some(already) = already {
            diagnostics.error(word, format!("{already}: leave `optional` out"));
        }
    }
    (found, inner)
}

/// What the type says, and what it says it of.
fn by_type<'t>(ty: &'t Type, event: &Type) -> (Quantity, &'t Type) {
    // An event may be a list itself.
    if written(ty) == written(event) {
        return (Quantity::One, ty);
    }
    if is_unit(ty) {
        return (Quantity::Never, ty);
    }
    match (argument_of(ty, "Option"), argument_of(ty, "Vec")) {
        (Some(inner), _) => (Quantity::Optional, inner),
        (_, Some(inner)) => (Quantity::Many, inner),
        _ => (Quantity::One, ty),
    }
}

/// What a field holds, by its attribute and by whether its type is that of the events.
pub(crate) fn content<'a>(
    marked: &Marked<'a>,
    variant: Option<&'a Path>,
    (quantity, inner): (Quantity, &'a Type),
    event: &Type,
) -> Content<'a> {
    if quantity == Quantity::Never {
        return Content::Event;
    }
    if marked.arguments.key("group").is_some() {
        return Content::Group(inner);
    }
    match variant.filter(|_| written(inner) != written(event)) {
        Some(variant) => Content::Held(variant),
        None => Content::Event,
    }
}
