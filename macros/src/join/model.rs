//! A function that takes a pair of records: its validated model, one function per rule.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{ItemFn, Type};

use crate::attribute::Arguments;
use crate::diagnostics::{Diagnostics, one_of};
use crate::operator::JOIN;
use crate::operator::model::{Emission, check_on_error, check_signature, emission};
use crate::operator::parse::{Input, Inputs, Param, Role};
use crate::options::Options;
use crate::types::{Returned, is_named, owned, referent, written};

/// A function on pairs, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    /// The types of the left and of the right records.
    pub(crate) records: [Type; 2],
    pub(crate) arguments: Vec<Passed>,
    pub(crate) params: Vec<Param>,
    pub(crate) emission: Emission,
    /// Where the function says that it may fail, if it does.
    pub(crate) fallible: Option<Span>,
    pub(crate) options: Options,
}

/// One argument of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Left,
    Right,
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
        let records = records(inputs, function, diagnostics);
        let returned = Returned::of(&function.sig.output);
        check_on_error(arguments, function, &returned, diagnostics);
        let emission = emission(arguments, function, inputs, false, diagnostics);
        let options = Options::model(arguments, diagnostics);
        if inputs.broken || !sound {
            return None;
        }
        Some(Self {
            function,
            records: records?,
            arguments: passed(inputs),
            params: inputs.params(),
            emission: emission?,
            fallible: returned.fallible.then(|| function.sig.output.span()),
            options,
        })
    }
}

/// Rule: what is about single records, windows or patterns does not fit pairs.
fn check_fit(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| !JOIN.iter().any(|word| *key == word)) {
        let fix = format!("leave it out, or leave out `join`; with `join` go {}", one_of(JOIN[1..].iter().copied()));
        diagnostics.error(key, format!("`{key}` does not belong to a join: {fix}"));
    }
}

/// Rule: what is remembered of a key is the join's affair, and the context is the join's.
fn check_inputs(inputs: &Inputs, diagnostics: &mut Diagnostics) -> bool {
    let mut fits = true;
    let mut contexts = 0;
    for input in inputs.iter() {
        let message = match &input.role {
            Role::State { .. } => {
                "a join remembers nothing but records that may still meet others: remember it in a keyed operator behind this one"
            }
            Role::AsyncContext | Role::KeyedContext(_) => {
                "a join has a context of its own: write `&mut JoinContext<'_>`"
            }
            Role::Data if is_named_context(input) && !is_context(input) => {
                "a `JoinContext` is lent to the operator: write `&mut JoinContext<'_>`"
            }
            Role::Context | Role::Data if is_context(input) || matches!(input.role, Role::Context) => {
                contexts += 1;
                if contexts < 2 {
                    continue;
                }
                "an operator has one context: leave one of them out (a `JoinContext` can do all that a `Context` can)"
            }
            _ => continue,
        };
        diagnostics.error(&input.ty, message);
        fits = false;
    }
    fits
}

/// Rule: there are two records, the left one first, and both are lent. Answers their types.
fn records(inputs: &Inputs, function: &ItemFn, diagnostics: &mut Diagnostics) -> Option<[Type; 2]> {
    let mut data = inputs.data().filter(|input| !is_named_context(input));
    let (Some(left), Some(right)) = (data.next(), data.next()) else {
        if !inputs.broken {
            let fix = "add a parameter for each, the left one first, such as `order: &Order, payment: &Payment`";
            diagnostics.error(&function.sig.ident, format!("a join takes a record of either side: {fix}"));
        }
        return None;
    };
    if let Some(third) = data.next() {
        let fix = "mark what is known when the job is built with `#[param]`";
        let message = format!("a join takes two records, and `{}` is a third one: {fix}", written(&third.ty));
        diagnostics.error(&third.ty, message);
        return None;
    }
    let [left, right] = [left, right].map(|input| record(&input.ty, diagnostics));
    Some([left?, right?])
}

/// Rule: a record is lent, and of a type that can be named.
fn record(ty: &Type, diagnostics: &mut Diagnostics) -> Option<Type> {
    match (ty, referent(ty)) {
        (Type::Reference(reference), _) if reference.mutability.is_some() => {
            let found = written(&reference.elem);
            diagnostics
                .error(ty, format!("a record is not lent to be changed, since it may meet others: write `&{found}`"));
            None
        }
        (_, Some(Type::ImplTrait(_))) | (Type::ImplTrait(_), None) => {
            diagnostics.error(ty, "the type of the records must be known: write it in place of `impl ..`");
            None
        }
        (_, Some(lent)) => Some(owned(lent)),
        (_, None) => {
            let found = written(ty);
            diagnostics.error(ty, format!("a record may meet others, so a join is only lent it: write `&{found}`"));
            None
        }
    }
}

/// Whether a parameter is a join's context, however it is taken.
fn is_named_context(input: &Input) -> bool {
    is_named(referent(&input.ty).unwrap_or(&input.ty), "JoinContext")
}

/// Whether a parameter is the join's context.
fn is_context(input: &Input) -> bool {
    let is_mutable = matches!(&input.ty, Type::Reference(reference) if reference.mutability.is_some());
    is_mutable && is_named_context(input)
}

/// What the function is called with.
fn passed(inputs: &Inputs) -> Vec<Passed> {
    let mut params = (0..).map(Passed::Param);
    let mut records = [Passed::Left, Passed::Right].into_iter();
    let passed = inputs.iter().filter_map(|input| match &input.role {
        Role::Data if is_context(input) => Some(Passed::Context),
        Role::Data => records.next(),
        Role::Context => Some(Passed::Context),
        Role::Param(_) => params.next(),
        Role::Collector(_) => Some(Passed::Collector),
        Role::State { .. } | Role::AsyncContext | Role::KeyedContext(_) => None,
    });
    passed.collect()
}
