//! A pattern as a struct: its validated model.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Path, Type};

use super::conditions::{self, Condition};
use super::fields::{self, Content, Quantity};
use super::parse::{self, Marked};
use super::quantity::Repeat;
use super::rules;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::duration::duration;

/// A pattern, nothing left to check but what only its groups know.
pub(crate) struct Model<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) event: Type,
    /// An expression of type `Duration`.
    pub(crate) within: Option<TokenStream>,
    pub(crate) after_match: Option<AfterMatch>,
    /// At least one.
    pub(crate) stages: Vec<Stage<'a>>,
}

/// One stage, or a group of them.
pub(crate) struct Stage<'a> {
    pub(crate) marked: &'a Marked<'a>,
    pub(crate) name: String,
    pub(crate) content: Content<'a>,
    pub(crate) quantity: Quantity,
    pub(crate) repeat: Option<Repeat>,
    pub(crate) variant: Option<&'a Path>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) until: Option<Condition>,
    /// Expressions of type `Duration`.
    pub(crate) within_previous: Option<TokenStream>,
    pub(crate) repeats_within: Option<TokenStream>,
}

/// Which other matches are given up.
pub(crate) enum AfterMatch {
    NoSkip,
    SkipToNext,
    SkipPastLastEvent,
    /// With the stage, and whether the job fails if a match has no event of it.
    SkipToFirst(String, bool),
    SkipToLast(String, bool),
}

impl Stage<'_> {
    /// Whether a match may have no event of it.
    pub(crate) fn is_optional(&self) -> bool {
        let may_be_none = self.repeat.as_ref().is_some_and(|repeat| repeat.may_be_none);
        self.quantity == Quantity::Optional || self.has("optional") || may_be_none
    }

    /// How many events of it a match has, if that is always the same number.
    pub(crate) fn fixed(&self) -> Option<u32> {
        match (&self.content, self.quantity) {
            (Content::Group(_), _) | (_, Quantity::Optional) => None,
            (_, Quantity::Never) => Some(0),
            (_, Quantity::One) => Some(1),
            (_, Quantity::Many) => self.repeat.as_ref()?.fixed.filter(|_| !self.is_optional()),
        }
    }

    /// Whether its attribute has an argument.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.marked.arguments.key(word).is_some()
    }
}

/// A stage's field with what had to be read of it first.
pub(crate) struct Draft<'a> {
    pub(crate) marked: Marked<'a>,
    pub(crate) variant: Option<Path>,
}

impl<'a> Draft<'a> {
    /// The stages as they are written; `None` if there are none.
    pub(crate) fn all(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Vec<Self>> {
        let fields = parse::fields(input, diagnostics)?;
        let drafts = fields.into_iter().map(|marked| {
            let variant = conditions::variant(&marked, diagnostics);
            Self { marked, variant }
        });
        Some(drafts.collect())
    }
}

/// Rule: the type of the events is said.
pub(crate) fn event(arguments: &Arguments, input: &DeriveInput, diagnostics: &mut Diagnostics) -> Option<Type> {
    if arguments.key("event").is_none() {
        let fix = "write `#[pattern(event = Event)]` above the struct";
        diagnostics.error(&input.ident, format!("a pattern says the type of the events it looks at: {fix}"));
    }
    let value = arguments.value("event")?;
    let parsed = syn::parse2(quote::ToTokens::to_token_stream(value));
    diagnostics.ok(parsed)
}

impl<'a> Model<'a> {
    /// Checks a struct. `None` if what is wrong leaves no pattern.
    pub(crate) fn of(
        input: &'a DeriveInput,
        arguments: &Arguments,
        event: Option<Type>,
        drafts: Option<&'a [Draft<'a>]>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let within = arguments.value("within").map(|within| duration("within", within, diagnostics));
        let (event, drafts) = (event?, drafts?);
        let stages: Vec<_> = drafts.iter().map(|draft| stage(draft, &event, diagnostics)).collect();
        rules::order(&stages, diagnostics);
        stages.iter().for_each(|stage| rules::quantifiers(stage, diagnostics));
        rules::neighbours(&stages, diagnostics);
        if arguments.key("group").is_none() {
            rules::ends(&stages, arguments.key("within").is_some(), diagnostics);
        }
        let after_match = rules::after_match(&stages, arguments, diagnostics);
        Some(Self { input, event, within, after_match, stages })
    }
}

fn stage<'a>(draft: &'a Draft<'a>, event: &Type, diagnostics: &mut Diagnostics) -> Stage<'a> {
    let Draft { marked, variant } = draft;
    conditions::check_group(marked, diagnostics);
    let repeat = Repeat::model(marked, diagnostics);
    let variant = variant.as_ref();
    let (quantity, inner) = fields::quantity(marked, event, repeat.as_ref(), diagnostics);
    let [within_previous, repeats_within] = ["within_previous", "repeats_within"]
        .map(|key| marked.arguments.value(key).map(|limit| duration(key, limit, diagnostics)));
    Stage {
        marked,
        name: marked.ident.unraw().to_string(),
        content: fields::content(marked, variant, (quantity, inner), event),
        quantity,
        repeat,
        variant,
        conditions: conditions::conditions(marked, diagnostics),
        until: conditions::until(marked, diagnostics),
        within_previous,
        repeats_within,
    }
}
