//! A windowed operator made of a function: its validated model, one function per rule.

use syn::{ItemFn, Type};

use super::steps::Steps;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::model::{Emission, check_signature, emission};
use crate::operator::parse::{Inputs, Param, Role};
use crate::types::{Returned, argument_of, is_named, referent, written};

/// How a function over all of a window's records is written, for error messages.
const CONTENTS: &str = "fn summary(key: &K, window: &WindowContext<'_>, values: Vec<T>, out: &mut Collector<O>)";

/// A windowed operator made of a function, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    /// The type of the stream's records.
    pub(crate) record: Type,
    pub(crate) params: Vec<Param>,
    pub(crate) steps: Steps,
    /// What the function is called with, in order.
    pub(crate) arguments: Vec<Passed>,
    pub(crate) fold: Fold,
}

/// What becomes of a window's records.
pub(crate) enum Fold {
    /// Two become one, until one is left.
    Reduce,
    /// The function sees all of them, and may fail.
    Contents { emission: Box<Emission>, fallible: bool },
}

/// One argument of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// The one of two records that came first.
    First,
    Second,
    Key,
    Window,
    Values,
    Collector,
    /// The param with this number.
    Param(usize),
}

impl<'a> Model<'a> {
    /// Checks an annotated function. `None` if what is wrong leaves no type for the operator.
    pub(crate) fn of(
        arguments: &Arguments,
        function: &'a ItemFn,
        inputs: &Inputs,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let sound = check_signature(function, diagnostics) && check_not_async(function, diagnostics);
        let steps = Steps::model(arguments, diagnostics);
        let stateless = check_inputs(inputs, diagnostics);
        let is_reduce = arguments.key("reduce").is_some();
        let (record, fold) = match is_reduce {
            true => (reduce(function, inputs, diagnostics), Some(Fold::Reduce)),
            false => contents(arguments, function, inputs, diagnostics),
        };
        if inputs.broken || !sound || !stateless {
            return None;
        }
        let arguments = passed(inputs, is_reduce);
        Some(Self { function, record: record?, params: inputs.params(), steps: steps?, arguments, fold: fold? })
    }
}

/// Rule: a window's function does not wait.
fn check_not_async(function: &ItemFn, diagnostics: &mut Diagnostics) -> bool {
    if let Some(keyword) = &function.sig.asyncness {
        let fix = "leave `async` out, and look things up in an operator of its own before or after this one";
        diagnostics.error(keyword, format!("a windowed operator cannot be `async`: {fix}"));
        return false;
    }
    true
}

/// Rule: a window's records are its state, and its context is the window's.
fn check_inputs(inputs: &Inputs, diagnostics: &mut Diagnostics) -> bool {
    let mut fits = true;
    for input in inputs.iter() {
        let fix = match &input.role {
            Role::State { .. } => "a windowed operator has no further state: leave it out, or use a keyed operator",
            Role::Context | Role::AsyncContext | Role::KeyedContext(_) => {
                "a windowed operator has a context of its own: write `&WindowContext<'_>`"
            }
            _ => continue,
        };
        diagnostics.error(&input.ty, fix);
        fits = false;
    }
    fits
}

/// Rule: a reduce makes one record of two. Answers their type.
fn reduce(function: &ItemFn, inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Type> {
    let returned = Returned::of(&function.sig.output);
    let data: Vec<&Type> = inputs.data().map(|input| &input.ty).collect();
    let text = |ty: &Type| written(ty);
    let record = match (data.as_slice(), &returned.value) {
        ([a, b], Some(result)) if text(a) == text(b) && text(a) == text(result) && !returned.fallible => *a,
        _ => {
            let first = data.first().map_or_else(|| "T".to_owned(), |ty| text(ty));
            let message = format!(
                "a `reduce` makes one record of two: write `fn {}(a: {first}, b: {first}) -> {first}`",
                function.sig.ident
            );
            diagnostics.error(&function.sig, message);
            return None;
        }
    };
    if let Some(collector) = inputs.iter().find(|input| matches!(input.role, Role::Collector(_))) {
        diagnostics.error(&collector.ty, "a `reduce` has one result, which it returns: leave the collector out");
        return None;
    }
    Some(record.clone())
}

/// Rule: a function over a window's contents takes them as a `Vec`. Answers the type of the records.
fn contents(
    arguments: &Arguments,
    function: &ItemFn,
    inputs: &Inputs,
    diagnostics: &mut Diagnostics,
) -> (Option<Type>, Option<Fold>) {
    let fallible = Returned::of(&function.sig.output).fallible;
    let mut seen = Vec::new();
    let mut record = None;
    let mut sound = true;
    for input in inputs.data() {
        match data(&input.ty) {
            None => {
                let fix = format!("mark it with `#[param]`, or write `{CONTENTS}`");
                let message =
                    format!("this is neither the key (`&K`), nor the window, nor its records (`Vec<T>`): {fix}");
                diagnostics.error(&input.ty, message);
                sound = false;
            }
            Some(again) if seen.contains(&again) => {
                diagnostics.error(&input.ty, format!("there is one of these already: write `{CONTENTS}`"));
                sound = false;
            }
            Some(first) => {
                record = record.or_else(|| argument_of(&input.ty, "Vec").cloned());
                seen.push(first);
            }
        }
    }
    if !seen.contains(&Passed::Values) {
        let fix = format!("write `{CONTENTS}`; to make one record of two at a time, add `reduce`");
        let message = format!("a windowed function takes a window's records as a `Vec<T>`: {fix}");
        diagnostics.error(&function.sig.ident, message);
    }
    let emission = emission(arguments, function, inputs, false, diagnostics);
    (record.filter(|_| sound), emission.map(|emission| Fold::Contents { emission: Box::new(emission), fallible }))
}

/// What the function is called with.
fn passed(inputs: &Inputs, is_reduce: bool) -> Vec<Passed> {
    let mut records = [Passed::First, Passed::Second].into_iter();
    let mut params = (0..).map(Passed::Param);
    let passed = inputs.iter().filter_map(|input| match &input.role {
        Role::Data if is_reduce => records.next(),
        Role::Data => data(&input.ty),
        Role::Param(_) => params.next(),
        Role::Collector(_) => Some(Passed::Collector),
        Role::State { .. } | Role::Context | Role::AsyncContext | Role::KeyedContext(_) => None,
    });
    passed.collect()
}

/// What an unmarked parameter is, by its type.
fn data(ty: &Type) -> Option<Passed> {
    match referent(ty) {
        Some(referent) if is_named(referent, "WindowContext") => Some(Passed::Window),
        Some(_) => Some(Passed::Key),
        None if is_named(ty, "Vec") => Some(Passed::Values),
        None => None,
    }
}
