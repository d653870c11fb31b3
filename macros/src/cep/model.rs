//! A function that takes a pattern's match: its validated model, one function per rule.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Expr, ItemFn, Type};

use crate::attribute::Arguments;
use crate::diagnostics::{Diagnostics, one_of};
use crate::operator::CEP;
use crate::operator::model::{Emission, check_on_error, check_signature, emission};
use crate::operator::parse::{Input, Inputs, Param, Role};
use crate::options::Options;
use crate::types::{Returned, is_named, last_segment, owned, referent, type_arguments, written};
use crate::windowed::Selector;

/// A function on matches, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    /// The pattern, which is the match, too.
    pub(crate) pattern: Type,
    pub(crate) by_reference: bool,
    /// The type of the key; `None` if the function does not care.
    pub(crate) key: Option<Type>,
    pub(crate) arguments: Vec<Passed>,
    pub(crate) params: Vec<Param>,
    pub(crate) emission: Emission,
    /// Where the function says that it may fail, if it does.
    pub(crate) fallible: Option<Span>,
    /// `None` if the stream is keyed already.
    pub(crate) selector: Option<Selector>,
    pub(crate) late: Option<Expr>,
    pub(crate) timed_out: Option<Expr>,
    pub(crate) order: Option<Expr>,
    pub(crate) processing_time: bool,
    pub(crate) options: Options,
}

/// One argument of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Match,
    Context,
    /// The param with this number.
    Param(usize),
    Collector,
}

impl<'a> Model<'a> {
    /// Checks an annotated function. `None` if what is wrong leaves no type for the operator.
    pub(crate) fn of(
        arguments: &Arguments,
        function: &'a ItemFn,
        inputs: &Inputs,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let sound = check_signature(function, diagnostics);
        check_fit(arguments, diagnostics);
        let sound = check_inputs(inputs, diagnostics) && sound;
        let pattern = pattern(inputs, function, diagnostics);
        let returned = Returned::of(&function.sig.output);
        check_on_error(arguments, function, &returned, diagnostics);
        let emission = emission(arguments, function, inputs, false, diagnostics);
        let key = arguments.value("key");
        let selector = key.map(|key| Selector::model(key, diagnostics));
        let options = Options::model(arguments, diagnostics);
        if inputs.broken || !sound {
            return None;
        }
        let (pattern, by_reference) = pattern?;
        // What was given without a value has been reported.
        let selector = match selector {
            Some(selector) => Some(selector?),
            None if arguments.key("key").is_some() => return None,
            None => None,
        };
        Some(Self {
            function,
            pattern,
            by_reference,
            key: inputs.data().filter(|input| is_context(input)).find_map(key_of),
            arguments: passed(inputs),
            params: inputs.params(),
            emission: emission?,
            fallible: returned.fallible.then(|| function.sig.output.span()),
            selector,
            late: arguments.value("late").cloned(),
            timed_out: arguments.value("timed_out").cloned(),
            order: arguments.value("order").cloned(),
            processing_time: arguments.key("processing_time").is_some(),
            options,
        })
    }
}

/// Rule: what is about records or windows does not fit matches.
fn check_fit(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| !CEP.iter().any(|word| *key == word)) {
        let fix = format!("leave it out, or leave out `cep`; with `cep` go {}", one_of(CEP[1..].iter().copied()));
        diagnostics.error(key, format!("`{key}` does not belong to an operator on patterns: {fix}"));
    }
}

/// Rule: what is remembered of a key is the pattern's affair, and the context is the pattern's.
fn check_inputs(inputs: &Inputs, diagnostics: &mut Diagnostics) -> bool {
    let mut fits = true;
    let mut contexts = 0;
    for input in inputs.iter() {
        let message = match &input.role {
            Role::State { .. } => {
                "an operator on patterns remembers nothing but partial matches: remember it in a keyed operator behind this one"
            }
            Role::AsyncContext | Role::KeyedContext(_) => {
                "an operator on patterns has a context of its own: write `&mut PatternContext<'_, K>`"
            }
            Role::Data
                if is_named(referent(&input.ty).unwrap_or(&input.ty), "PatternContext") && !is_context(input) =>
            {
                "a `PatternContext` is lent to the operator: write `&mut PatternContext<'_, K>`"
            }
            Role::Context | Role::Data if is_context(input) || matches!(input.role, Role::Context) => {
                contexts += 1;
                if contexts < 2 {
                    continue;
                }
                "an operator has one context: leave one of them out (a `PatternContext` can do all that a `Context` can)"
            }
            _ => continue,
        };
        diagnostics.error(&input.ty, message);
        fits = false;
    }
    fits
}

/// Rule: there is one match. Answers the pattern's type, and whether it is taken by reference.
fn pattern(inputs: &Inputs, function: &ItemFn, diagnostics: &mut Diagnostics) -> Option<(Type, bool)> {
    let named_context = |input: &&Input| is_named(referent(&input.ty).unwrap_or(&input.ty), "PatternContext");
    let mut data = inputs.data().filter(|input| !named_context(input));
    let Some(first) = data.next() else {
        if !inputs.broken {
            let fix = "add a parameter for it, such as `found: LoginThenPurchase`, where that is a struct with `#[derive(Pattern)]`";
            diagnostics.error(&function.sig.ident, format!("an operator on patterns takes a match: {fix}"));
        }
        return None;
    };
    if let Some(second) = data.next() {
        let fix = "mark what is known when the job is built with `#[param]`";
        let message = format!("an operator takes one match, and `{}` is a second one: {fix}", written(&second.ty));
        diagnostics.error(&second.ty, message);
        return None;
    }
    match &first.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            diagnostics
                .error(&first.ty, "a match is not lent to be changed: take it by value, or as `&T` to look at it");
            None
        }
        Type::ImplTrait(_) => {
            diagnostics.error(&first.ty, "the pattern must be known: write its type in place of `impl ..`");
            None
        }
        ty => Some((referent(ty).map_or_else(|| ty.clone(), owned), referent(ty).is_some())),
    }
}

/// Whether a parameter is the pattern's context.
fn is_context(input: &Input) -> bool {
    let is_mutable = matches!(&input.ty, Type::Reference(reference) if reference.mutability.is_some());
    is_mutable && referent(&input.ty).is_some_and(|ty| is_named(ty, "PatternContext"))
}

/// The type of the key that a context names.
fn key_of(input: &Input) -> Option<Type> {
    type_arguments(last_segment(referent(&input.ty)?)?).next().cloned()
}

/// What the function is called with.
fn passed(inputs: &Inputs) -> Vec<Passed> {
    let mut params = (0..).map(Passed::Param);
    let passed = inputs.iter().filter_map(|input| match &input.role {
        Role::Data if is_context(input) => Some(Passed::Context),
        Role::Data => Some(Passed::Match),
        Role::Context => Some(Passed::Context),
        Role::Param(_) => params.next(),
        Role::Collector(_) => Some(Passed::Collector),
        Role::State { .. } | Role::AsyncContext | Role::KeyedContext(_) => None,
    });
    passed.collect()
}
