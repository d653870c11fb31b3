//! The struct as it is written: its fields, with how each follows the one before.

use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, Meta};

use crate::attribute::{Argument, Arguments, Takes};
use crate::diagnostics::Diagnostics;

/// The arguments of `#[pattern(..)]`.
const PATTERN: &[Argument] = &[
    Argument { key: "event", takes: Takes::Type, example: "event = Event" },
    Argument { key: "within", takes: Takes::Value, example: "within = \"10 min\"" },
    Argument { key: "after_match", takes: Takes::Value, example: "after_match = skip_past_last" },
    Argument { key: "group", takes: Takes::Nothing, example: "group" },
];

/// The arguments of a stage; which of them fit is a rule.
const STAGE: &[Argument] = &[
    Argument { key: "filter", takes: Takes::Values, example: "filter = is_login" },
    Argument { key: "when", takes: Takes::Values, example: "when = |event, so_far| .." },
    Argument { key: "or", takes: Takes::Values, example: "or = is_login" },
    Argument { key: "or_when", takes: Takes::Values, example: "or_when = |event, so_far| .." },
    Argument { key: "variant", takes: Takes::Value, example: "variant = Event::Login" },
    Argument { key: "group", takes: Takes::Nothing, example: "group" },
    Argument { key: "times", takes: Takes::Value, example: "times = 1.." },
    Argument { key: "one_or_more", takes: Takes::Nothing, example: "one_or_more" },
    Argument { key: "optional", takes: Takes::Nothing, example: "optional" },
    Argument { key: "greedy", takes: Takes::Nothing, example: "greedy" },
    Argument { key: "consecutive", takes: Takes::Nothing, example: "consecutive" },
    Argument { key: "allow_combinations", takes: Takes::Nothing, example: "allow_combinations" },
    Argument { key: "until", takes: Takes::Value, example: "until = is_logout" },
    Argument { key: "until_when", takes: Takes::Value, example: "until_when = |event, so_far| .." },
    Argument { key: "within_previous", takes: Takes::Value, example: "within_previous = \"1 min\"" },
    Argument { key: "repeats_within", takes: Takes::Value, example: "repeats_within = \"1 min\"" },
];

/// How a stage follows the one before: the attribute of its field, which is a method of the builder, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Begin,
    Next,
    FollowedBy,
    FollowedByAny,
    NotNext,
    NotFollowedBy,
}

/// The attributes that a field may have.
const LINKS: [(&str, Link); 6] = [
    ("begin", Link::Begin),
    ("next", Link::Next),
    ("followed_by", Link::FollowedBy),
    ("followed_by_any", Link::FollowedByAny),
    ("not_next", Link::NotNext),
    ("not_followed_by", Link::NotFollowedBy),
];

impl Link {
    /// The attribute's name.
    pub(crate) fn word(self) -> &'static str {
        LINKS.iter().find(|(_, link)| *link == self).map(|(word, _)| *word).expect("invariant: every link has a word")
    }

    /// Whether the stage's event is not to be.
    pub(crate) fn is_negative(self) -> bool {
        matches!(self, Self::NotNext | Self::NotFollowedBy)
    }
}

/// A field with its attribute.
pub(crate) struct Marked<'a> {
    pub(crate) field: &'a Field,
    pub(crate) ident: &'a Ident,
    pub(crate) link: Link,
    /// For errors about the link.
    pub(crate) attribute: &'a Attribute,
    pub(crate) arguments: Arguments,
}

/// The arguments of the struct's `#[pattern(..)]`.
pub(crate) fn arguments(input: &DeriveInput, diagnostics: &mut Diagnostics) -> Arguments {
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("pattern"));
    let Some(attribute) = attributes.next() else { return Arguments::default() };
    for second in attributes {
        diagnostics.error(second, "`#[pattern]` is given twice: write all arguments into one");
    }
    parsed(attribute, "#[pattern]", PATTERN, diagnostics)
}

/// The fields of the struct; `None` for what is no such struct, or if a field is no stage, which is reported.
pub(crate) fn fields<'a>(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Vec<Marked<'a>>> {
    let what = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => {
                let marked: Vec<_> = fields.named.iter().map(|field| marked(field, diagnostics)).collect();
                return marked.into_iter().collect();
            }
            Fields::Named(_) | Fields::Unit => "a struct without fields",
            Fields::Unnamed(_) => "a struct without names",
        },
        Data::Enum(_) => "an enum",
        Data::Union(_) => "a union",
    };
    let fix = "its fields are the stages: write `struct Name { #[begin(filter = ..)] first: Event, #[next(filter = ..)] second: Event }`";
    diagnostics.error(&input.ident, format!("`Pattern` cannot be derived for {what}: {fix}"));
    None
}

/// Rule: a field says how its stage follows the one before.
fn marked<'a>(field: &'a Field, diagnostics: &mut Diagnostics) -> Option<Marked<'a>> {
    let ident = field.ident.as_ref().expect("invariant: the fields are named");
    let link =
        |attribute: &Attribute| LINKS.iter().find(|(word, _)| attribute.path().is_ident(word)).map(|(_, link)| *link);
    let mut marks = field.attrs.iter().filter_map(|attribute| Some((link(attribute)?, attribute)));
    let Some((link, attribute)) = marks.next() else {
        let fix = "mark it with `#[begin(..)]`, `#[next(..)]`, `#[followed_by(..)]`, `#[followed_by_any(..)]`, `#[not_next(..)]` or `#[not_followed_by(..)]`";
        diagnostics.error(ident, format!("how does stage `{ident}` follow the one before? {fix}"));
        return None;
    };
    for (_, second) in marks {
        diagnostics.error(second, format!("`{ident}` is one stage and has two marks: leave one of them out"));
    }
    let arguments = match &attribute.meta {
        Meta::Path(_) => Arguments::default(),
        _ => parsed(attribute, &format!("#[{}]", link.word()), STAGE, diagnostics),
    };
    Some(Marked { field, ident, link, attribute, arguments })
}

fn parsed(attribute: &Attribute, word: &str, allowed: &[Argument], diagnostics: &mut Diagnostics) -> Arguments {
    match &attribute.meta {
        Meta::List(list) => Arguments::parse(list.tokens.clone(), word, allowed, diagnostics),
        other => {
            let example = allowed[0].example;
            let bare = word.trim_start_matches("#[").trim_end_matches(']');
            diagnostics.error(other, format!("`{word}` has arguments in parentheses: write `#[{bare}({example})]`"));
            Arguments::default()
        }
    }
}
