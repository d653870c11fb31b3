//! A windowed operator made of a function: its validated model, one function per rule.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{ItemFn, Type};

use super::steps::Steps;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::operator::model::{Emission, check_on_error, check_signature, emission, handle};
use crate::operator::parse::{Inputs, Param, Role};
use crate::state::{State, by_scope};
use crate::types::{Returned, argument_of, is_named, owned, referent, written};

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
    /// `None` if the function remembers nothing.
    pub(crate) states: Option<States>,
}

/// What a function remembers.
pub(crate) struct States {
    /// The type of the key; `None` if the function does not take it.
    pub(crate) key: Option<Type>,
    pub(crate) of_keys: Vec<State>,
    pub(crate) of_windows: Vec<State>,
}

/// What becomes of a window's records.
pub(crate) enum Fold {
    /// Two become one, until one is left.
    Reduce,
    /// The function sees all of them. With the place where it says that it may fail, if it does.
    Contents { emission: Box<Emission>, fallible: Option<Span> },
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
    /// The state of the key with this number.
    State(usize),
    /// The state of the key and window with this number.
    WindowState(usize),
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
        let steps = Steps::model(arguments, diagnostics);
        let fits = check_inputs(inputs, diagnostics);
        let is_reduce = arguments.key("reduce").is_some();
        let states = states(inputs, is_reduce, diagnostics);
        let (record, fold) = match is_reduce {
            true => (reduce(arguments, function, inputs, diagnostics), Some(Fold::Reduce)),
            false => contents(arguments, function, inputs, diagnostics),
        };
        if inputs.broken || !sound || !fits {
            return None;
        }
        let (arguments, params) = (passed(inputs, is_reduce), inputs.params());
        Some(Self { function, record: record?, params, steps: steps?, arguments, fold: fold?, states: states? })
    }
}

/// Rule: what a function over a window's contents remembers is kept for keys and their windows.
fn states(inputs: &Inputs, is_reduce: bool, diagnostics: &mut Diagnostics) -> Option<Option<States>> {
    let (mut states, mut windowed) = (Vec::new(), Vec::new());
    let mut complete = true;
    for input in inputs.iter() {
        let Role::State { ident, attribute, of_window } = &input.role else { continue };
        if is_reduce {
            let fix = "leave `reduce` out, and take all of a window's records as a `Vec<T>`";
            diagnostics.error(&input.ty, format!("a `reduce` remembers nothing but the record it makes: {fix}"));
            complete = false;
            continue;
        }
        let state = handle(&input.ty, diagnostics).and_then(|ty| State::model(ident, ty, attribute, diagnostics));
        complete &= state.is_some();
        windowed.extend(state.is_some().then_some(*of_window));
        states.extend(state);
    }
    let declared = !states.is_empty();
    let windows: Vec<_> =
        states.iter().zip(&windowed).filter(|(_, of)| **of).map(|(state, _)| state.ident.clone()).collect();
    let (states, of_subtasks) = by_scope(states, diagnostics)?;
    for state in &of_subtasks {
        let fix = "write a `Value<T>`, a `List<T>` or a `Map<K, V>`";
        diagnostics.error(&state.handle, format!("a windowed operator remembers something of keys only: {fix}"));
        complete = false;
    }
    let (of_windows, of_keys) = states.into_iter().partition(|state| windows.contains(&state.ident));
    let key = inputs.data().find(|input| data(&input.ty) == Some(Passed::Key));
    let key = key.and_then(|input| referent(&input.ty)).map(owned);
    complete.then(|| declared.then_some(States { key, of_keys, of_windows }))
}

/// Rule: the context is the window's.
fn check_inputs(inputs: &Inputs, diagnostics: &mut Diagnostics) -> bool {
    let mut fits = true;
    for input in inputs.iter() {
        let fix = match &input.role {
            Role::Context | Role::KeyedContext(_) => {
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
fn reduce(arguments: &Arguments, function: &ItemFn, inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Type> {
    if let Some(key) = arguments.key("on_error") {
        diagnostics.error(key, "a `reduce` never fails, since it returns a record: leave `on_error` out");
    }
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
    let returned = Returned::of(&function.sig.output);
    let fallible = returned.fallible.then(|| function.sig.output.span());
    check_on_error(arguments, function, &returned, diagnostics);
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
    let (mut states, mut window_states) = ((0..).map(Passed::State), (0..).map(Passed::WindowState));
    let passed = inputs.iter().filter_map(|input| match &input.role {
        Role::Data if is_reduce => records.next(),
        Role::Data => data(&input.ty),
        Role::Param(_) => params.next(),
        Role::Collector(_) => Some(Passed::Collector),
        Role::State { of_window: false, .. } => states.next(),
        Role::State { of_window: true, .. } => window_states.next(),
        Role::Context | Role::KeyedContext(_) => None,
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
