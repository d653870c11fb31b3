//! An operator on single records: its validated model, one function per rule.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{Ident, ItemFn, Type};

use super::arguments::WINDOWED;
use super::parse::{Inputs, Param, Role};
use crate::attribute::Arguments;
use crate::diagnostics::{Diagnostics, one_of};
use crate::options::{Options, count};
use crate::state::{State, by_scope};
use crate::types::{Returned, argument_of, is_named, item_of_impl, owned, referent, written};

/// How many records a blocking operator may have in flight, unless its annotation says.
const DEFAULT_IN_FLIGHT: usize = 16;

/// The shapes that can be named.
const SHAPES: &[&str] = &["map", "filter", "flat_map", "process"];

/// An operator on single records, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    pub(crate) record: Record,
    /// What the function is called with, in order.
    pub(crate) arguments: Vec<Passed>,
    pub(crate) params: Vec<Param>,
    /// `None` for an operator on unkeyed streams.
    pub(crate) keyed: Option<Keyed>,
    /// What is kept for each subtask.
    pub(crate) operator_states: Vec<State>,
    pub(crate) emission: Emission,
    /// Where the function says that it may fail, if it does.
    pub(crate) fallible: Option<Span>,
    pub(crate) options: Options,
    /// How many records may be in flight, if the function may block.
    pub(crate) blocking: Option<TokenStream>,
}

/// The record that the function takes.
pub(crate) struct Record {
    /// The type of the stream's records.
    pub(crate) ty: Type,
    pub(crate) by_reference: bool,
}

/// One argument of the call.
pub(crate) enum Passed {
    Record,
    /// The state of the key with this number.
    State(usize),
    /// The operator state with this number.
    OperatorState(usize),
    /// The param with this number.
    Param(usize),
    Context,
    Collector,
}

/// What only keyed operators have.
pub(crate) struct Keyed {
    /// The type of the key; `None` if the function does not care.
    pub(crate) key: Option<Type>,
    pub(crate) states: Vec<State>,
}

/// How the results are handed on; all but `Filter` with their type.
pub(crate) enum Emission {
    /// The function returns whether the record stays.
    Filter,
    /// It returns one result.
    One(Type),
    /// It returns something to iterate over.
    Many(TokenStream),
    /// It emits by itself.
    Collector(Type),
}

impl Emission {
    /// The type of the results of records of type `record`.
    pub(crate) fn results(&self, record: &Type) -> TokenStream {
        match self {
            Self::Filter => quote!(#record),
            Self::One(result) | Self::Collector(result) => quote!(#result),
            Self::Many(item) => item.clone(),
        }
    }
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
        let record = record(inputs, function, diagnostics);
        check_streams(arguments, record.as_ref(), diagnostics);
        let states = states(inputs, diagnostics);
        let context = context(inputs, diagnostics);
        let returned = Returned::of(&function.sig.output);
        let by_reference = inputs.data().next().is_some_and(|record| referent(&record.ty).is_some());
        let emission = emission(arguments, function, inputs, by_reference, diagnostics);
        let options = Options::model(arguments, diagnostics);
        check_on_error(arguments, function, &returned, diagnostics);
        let stateful = inputs.iter().any(|input| matches!(input.role, Role::State { .. } | Role::KeyedContext(_)));
        let blocking = blocking(arguments, stateful || arguments.key("keyed").is_some(), diagnostics);
        if inputs.broken || !sound {
            return None;
        }
        let ((states, operator_states), key) = (states?, context?);
        let arguments_passed = passed(inputs, &states, &operator_states);
        let is_keyed = arguments.key("keyed").is_some() || !states.is_empty() || key.is_some();
        check_broadcast(arguments, is_keyed, diagnostics);
        Some(Self {
            function,
            record: record?,
            arguments: arguments_passed,
            params: inputs.params(),
            keyed: is_keyed.then(|| Keyed { key: key.flatten(), states }),
            operator_states,
            emission: emission?,
            fallible: returned.fallible.then(|| function.sig.output.span()),
            options,
            blocking,
        })
    }
}

/// Rule: an operator is a plain function. Shared with windowed functions.
pub(crate) fn check_signature(function: &ItemFn, diagnostics: &mut Diagnostics) -> bool {
    let signature = &function.sig;
    let mut sound = true;
    if let Some(keyword) = &signature.asyncness {
        let fix = "leave `async` out; a function that waits for something is `#[operator(blocking)]`";
        diagnostics.error(keyword, format!("an operator cannot be `async`: {fix}"));
        sound = false;
    }
    if let Some(keyword) = &signature.unsafety {
        let fix = "leave `unsafe` out and use an `unsafe` block inside";
        diagnostics
            .error(keyword, format!("an operator cannot be `unsafe`, since nobody can keep its promises: {fix}"));
        sound = false;
    }
    if let Some(keyword) = &signature.abi {
        diagnostics.error(keyword, "an operator is called by Rust only: leave `extern` out");
        sound = false;
    }
    sound
}

/// Rule: what belongs to windows needs one.
fn check_fit(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| WINDOWED.iter().any(|windowed| *key == windowed)) {
        let fix = match key.to_string().as_str() {
            "key" => "key the stream with `.key_by(..)` before `.apply(..)`, or add `window = tumbling(\"1 min\")`",
            _ => "add `key = ..` and `window = ..`, or leave it out",
        };
        diagnostics.error(key, format!("`{key}` belongs to a windowed operator, and this one has no `window`: {fix}"));
    }
}

/// Rule: an operator on two streams takes the records of both.
fn check_streams(arguments: &Arguments, record: Option<&Record>, diagnostics: &mut Diagnostics) {
    let Some(record) = record.filter(|record| !is_named(&record.ty, "Either")) else { return };
    for key in arguments.keys().filter(|key| *key == "connect" || *key == "broadcast") {
        let found = written(&record.ty);
        diagnostics.error(
            key,
            format!("an operator on two streams takes a record of either, and this one takes `{found}`: write `Either<{found}, R>`, where `R` is the type of the other stream's records, or leave `{key}` out"),
        );
    }
}

/// Rule: a record of a broadcast has no key, so a function that takes it is given no states of keys.
fn check_broadcast(arguments: &Arguments, keyed: bool, diagnostics: &mut Diagnostics) {
    if let Some(key) = arguments.key("broadcast").filter(|_| keyed) {
        let fix = "write a struct with `#[derive(KeyedOperator)]` and `#[operator(broadcast)]`, which has a function for each stream";
        diagnostics.error(key, format!("a record of a broadcast has no key, so no states of keys: {fix}"));
    }
}

/// Rule: there is one record, of a type that can be named.
fn record(inputs: &Inputs, function: &ItemFn, diagnostics: &mut Diagnostics) -> Option<Record> {
    let mut data = inputs.data();
    let Some(first) = data.next() else {
        if !inputs.broken {
            let fix = "add a parameter for it without a mark, such as `line: String`";
            diagnostics.error(&function.sig.ident, format!("an operator takes a record: {fix}"));
        }
        return None;
    };
    for second in data {
        let fix = "mark what is known when the job is built with `#[param]`, what is kept for each key with `#[state]`; several values of a record are a tuple or a struct";
        let message = format!("an operator takes one record, and `{}` is a second one: {fix}", written(&second.ty));
        diagnostics.error(&second.ty, message);
    }
    match &first.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            diagnostics
                .error(&first.ty, "a record is not lent to be changed: take it by value, or as `&T` to look at it");
            None
        }
        Type::ImplTrait(_) => {
            diagnostics.error(&first.ty, "the type of the records must be known: write it in place of `impl ..`");
            None
        }
        ty => {
            let referent = referent(ty);
            Some(Record { ty: referent.map_or_else(|| ty.clone(), owned), by_reference: referent.is_some() })
        }
    }
}

/// The states of keys, and those of the subtask.
fn states(inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<(Vec<State>, Vec<State>)> {
    let mut states = Vec::new();
    let mut complete = true;
    for input in inputs.iter() {
        if let Role::State { ident, attribute, of_window } = &input.role {
            if *of_window {
                let fix = "write `#[state]`, or add `key = ..` and `window = ..`";
                diagnostics.error(attribute, format!("`#[window_state]` belongs to a windowed operator: {fix}"));
            }
            let handle = handle(&input.ty, diagnostics);
            let state = handle.and_then(|ty| State::model(ident, ty, attribute, diagnostics));
            complete &= state.is_some();
            states.extend(state);
        }
    }
    by_scope(states, diagnostics).filter(|_| complete)
}

/// Rule: there is one context at most. Answers the type of the key, if it was written, of a keyed one.
fn context(inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Option<Option<Type>>> {
    let mut contexts = inputs.iter().filter(|input| matches!(input.role, Role::Context | Role::KeyedContext(_)));
    let first = contexts.next();
    if let Some(second) = contexts.next() {
        diagnostics.error(
            &second.ty,
            "an operator has one context: leave one of them out (a `KeyedContext` can do all that a `Context` can)",
        );
        return None;
    }
    Some(match first.map(|input| &input.role) {
        Some(Role::KeyedContext(key)) => Some(key.clone()),
        _ => None,
    })
}

/// Rule: a state is taken as `&mut`.
pub(crate) fn handle<'t>(ty: &'t Type, diagnostics: &mut Diagnostics) -> Option<&'t Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => Some(&reference.elem),
        _ => {
            let found = written(referent(ty).unwrap_or(ty));
            diagnostics.error(ty, format!("a state is lent to the operator: write `&mut {found}`"));
            None
        }
    }
}

/// Rule: one shape is named at most, and it fits what the function takes and returns. Only what it takes by reference
/// can be filtered.
pub(crate) fn emission(
    arguments: &Arguments,
    function: &ItemFn,
    inputs: &Inputs,
    by_reference: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Emission> {
    let returned = &Returned::of(&function.sig.output);
    let mut named = SHAPES.iter().filter_map(|shape| arguments.key(shape));
    let shape = named.next();
    for second in named {
        let fix = "leave out all but one; without any, the signature decides";
        diagnostics.error(second, format!("an operator has one shape, {}: {fix}", one_of(SHAPES.iter().copied())));
    }
    match inputs.collector(diagnostics).ok()? {
        Some((_, results)) => collecting(shape, results, inputs, returned, diagnostics),
        None => returning(shape, function, by_reference, returned, diagnostics),
    }
}

/// Rule: what emits by itself returns nothing.
fn collecting(
    shape: Option<&Ident>,
    results: &Type,
    inputs: &Inputs,
    returned: &Returned,
    diagnostics: &mut Diagnostics,
) -> Option<Emission> {
    if let Some(shape) = shape.filter(|shape| *shape != "process") {
        let collector = inputs.iter().find(|input| matches!(input.role, Role::Collector(_)));
        let message = format!("a `{shape}` emits what it returns: leave the collector out, or leave out `{shape}`");
        diagnostics.error(collector.map(|input| &input.ty), message);
    } else if let Some(value) = &returned.value {
        let fix =
            "emit everything through the collector and return nothing or `Result<()>`, or leave the collector out";
        let found = written(value);
        diagnostics.error(
            value,
            format!("an operator with a collector returns nothing, and this one returns `{found}`: {fix}"),
        );
    }
    Some(Emission::Collector(results.clone()))
}

/// Rules for what emits what it returns.
fn returning(
    shape: Option<&Ident>,
    function: &ItemFn,
    by_reference: bool,
    returned: &Returned,
    diagnostics: &mut Diagnostics,
) -> Option<Emission> {
    if let Some(shape) = shape.filter(|shape| *shape == "process") {
        diagnostics.error(shape, "a `process` emits through a collector: add a parameter `out: &mut Collector<T>`");
        return None;
    }
    let Some(value) = &returned.value else {
        let fix =
            "return a value, a `Vec`, an `Option` or an `impl Iterator`, or add a parameter `out: &mut Collector<T>`";
        diagnostics.error(&function.sig.ident, format!("an operator has results, and this one returns nothing: {fix}"));
        return None;
    };
    let is_bool = is_named(value, "bool");
    match shape.map(ToString::to_string).as_deref() {
        Some("filter") => filter(value, is_bool, by_reference, function, diagnostics),
        None if is_bool && by_reference => Some(Emission::Filter),
        Some("flat_map") => Some(Emission::Many(match item(value) {
            Some(item) => owned_result(item, diagnostics)?.to_token_stream(),
            None if matches!(value, Type::ImplTrait(_)) => return unnamed(value, diagnostics),
            None => quote!(<#value as ::core::iter::IntoIterator>::Item),
        })),
        None if item(value).is_some() => {
            Some(Emission::Many(owned_result(item(value)?, diagnostics)?.to_token_stream()))
        }
        _ if matches!(value, Type::ImplTrait(_)) => unnamed(value, diagnostics),
        _ => owned_result(value, diagnostics).map(|value| Emission::One(value.clone())),
    }
}

/// Rule: a filter looks at the record and says whether it stays.
fn filter(
    value: &Type,
    is_bool: bool,
    by_reference: bool,
    function: &ItemFn,
    diagnostics: &mut Diagnostics,
) -> Option<Emission> {
    if !is_bool {
        let found = written(value);
        diagnostics.error(value, format!("a `filter` returns `bool`, and this one returns `{found}`: return whether the record stays, or leave out `filter`"));
    }
    if !by_reference {
        diagnostics
            .error(&function.sig.inputs, "a `filter` hands the record on, so it can only look at it: take it as `&T`");
    }
    (is_bool && by_reference).then_some(Emission::Filter)
}

/// What a returned collection consists of, if it is one by its name.
fn item(value: &Type) -> Option<&Type> {
    argument_of(value, "Vec").or_else(|| argument_of(value, "Option")).or_else(|| item_of_impl(value))
}

/// Rule: results go their own way and borrow nothing.
fn owned_result<'t>(value: &'t Type, diagnostics: &mut Diagnostics) -> Option<&'t Type> {
    let Some(referent) = referent(value) else { return Some(value) };
    let (found, fix) = (written(value), written(owned(referent)));
    let fix = fix.trim_start_matches("::std::string::").trim_start_matches("::std::vec::");
    diagnostics.error(
        value,
        format!("a result outlives the record that it was made from, so it cannot be `{found}`: return `{fix}`"),
    );
    None
}

/// Rule: the type of the results is written down.
fn unnamed(value: &Type, diagnostics: &mut Diagnostics) -> Option<Emission> {
    let found = written(value);
    diagnostics.error(value, format!("the type of the results must be known, and `{found}` hides it: write the type, or `impl Iterator<Item = T>` for several results"));
    None
}

/// Rule: what cannot fail needs no policy for failure.
pub(crate) fn check_on_error(
    arguments: &Arguments,
    function: &ItemFn,
    returned: &Returned,
    diagnostics: &mut Diagnostics,
) {
    if let Some(key) = arguments.key("on_error").filter(|_| !returned.fallible) {
        let name = &function.sig.ident;
        diagnostics.error(key, format!("`{name}` never fails, since it does not return a `Result`: leave `on_error` out, or return `Result<..>`"));
    }
}

/// Rule: what blocks runs beside the stream, where no state is.
fn blocking(arguments: &Arguments, stateful: bool, diagnostics: &mut Diagnostics) -> Option<TokenStream> {
    let key = arguments.key("blocking")?;
    if arguments.key("connect").or(arguments.key("broadcast")).is_some() {
        let fix = "do what blocks in an operator of its own before or after this one";
        diagnostics.error(key, format!("an operator on two streams cannot be `blocking`: {fix}"));
        return None;
    }
    if stateful {
        let fix = "do what blocks in an operator of its own before or after this one";
        diagnostics.error(key, format!("an operator that is keyed or has states cannot be `blocking`: {fix}"));
        return None;
    }
    if arguments.value("blocking").is_none() {
        return Some(quote!(#DEFAULT_IN_FLIGHT));
    }
    count("blocking", arguments, diagnostics).map(|count| count.to_token_stream())
}

/// What the function is called with.
fn passed(inputs: &Inputs, states: &[State], operator_states: &[State]) -> Vec<Passed> {
    let number = |states: &[State], ident: &Ident| states.iter().position(|state| state.ident == *ident);
    let mut params = 0..;
    let passed = inputs.iter().map(|input| match &input.role {
        Role::Data => Passed::Record,
        Role::State { ident, .. } => match number(states, ident) {
            Some(number) => Passed::State(number),
            None => {
                Passed::OperatorState(number(operator_states, ident).expect("invariant: a state is one or the other"))
            }
        },
        Role::Param(_) => Passed::Param(params.next().expect("invariant: numbers do not end")),
        Role::Context | Role::KeyedContext(_) => Passed::Context,
        Role::Collector(_) => Passed::Collector,
    });
    passed.collect()
}
