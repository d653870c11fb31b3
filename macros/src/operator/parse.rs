//! The parameters of an annotated function, by what they are for.
//!
//! A parameter's role is told by its `#[state]`, `#[window_state]` or `#[param]`, else by its type; what is left is the
//! record.

use syn::{Attribute, FnArg, Ident, ItemFn, Pat, PatType, Type};

use crate::diagnostics::Diagnostics;
use crate::types::{argument_of_mut, is_named, owned, referent, type_arguments};

/// A function's parameters in order, without a receiver.
pub(crate) struct Inputs {
    inputs: Vec<Input>,
    /// Set if a parameter has no role that can be told.
    pub(crate) broken: bool,
}

/// One parameter.
pub(crate) struct Input {
    pub(crate) role: Role,
    /// The type as written.
    pub(crate) ty: Type,
}

/// What a parameter is for.
pub(crate) enum Role {
    /// Data: the record, or for windowed functions the key, the window or the values.
    Data,
    State {
        ident: Ident,
        attribute: Attribute,
        /// Whether it is kept for each window.
        of_window: bool,
    },
    Param(Param),
    Context,
    /// With the type of the key, if it was written.
    KeyedContext(Option<Type>),
    /// With the type of the results.
    Collector(Type),
}

/// What is known when the job is built: an argument of the constructor.
#[derive(Clone)]
pub(crate) struct Param {
    pub(crate) ident: Ident,
    /// The type that the constructor takes.
    pub(crate) ty: Type,
    /// Whether the function is lent it; else it gets a clone with each record.
    pub(crate) by_reference: bool,
}

impl Inputs {
    /// Takes the `#[state]`, `#[window_state]` and `#[param]` attributes off the function's parameters.
    pub(crate) fn take(function: &mut ItemFn, diagnostics: &mut Diagnostics) -> Self {
        let mut taken = Self { inputs: Vec::new(), broken: false };
        for input in &mut function.sig.inputs {
            let role = match input {
                FnArg::Receiver(receiver) => {
                    let fix = "take a record in place of `self`; an operator with several entry points is a struct with `#[derive(KeyedOperator)]`";
                    diagnostics.error(receiver, format!("an operator is not a method: {fix}"));
                    None
                }
                FnArg::Typed(typed) => role(typed, diagnostics).map(|role| Input { role, ty: (*typed.ty).clone() }),
            };
            taken.broken |= role.is_none();
            taken.inputs.extend(role);
        }
        taken
    }

    /// All parameters.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Input> {
        self.inputs.iter()
    }

    /// The constructor's arguments.
    pub(crate) fn params(&self) -> Vec<Param> {
        let params = self.inputs.iter().filter_map(|input| match &input.role {
            Role::Param(param) => Some(param.clone()),
            _ => None,
        });
        params.collect()
    }

    /// The parameters that are neither marked nor known by their type.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|input| matches!(input.role, Role::Data))
    }

    /// The collector with the type of its results. Reports a second one.
    pub(crate) fn collector(&self, diagnostics: &mut Diagnostics) -> Result<Option<(&Input, &Type)>, ()> {
        let mut collectors = self.inputs.iter().filter_map(|input| match &input.role {
            Role::Collector(results) => Some((input, results)),
            _ => None,
        });
        let first = collectors.next();
        let mut single = Ok(first);
        for (second, _) in collectors {
            let fix = "emit everything through one; further outputs are side outputs, `ctx.output(TAG, value)`";
            diagnostics.error(&second.ty, format!("an operator has one collector: {fix}"));
            single = Err(());
        }
        single
    }
}

/// Tells a parameter's role; reports and answers `None` if there is no telling.
fn role(typed: &mut PatType, diagnostics: &mut Diagnostics) -> Option<Role> {
    let state = take_attribute(&mut typed.attrs, "state", diagnostics);
    let window_state = take_attribute(&mut typed.attrs, "window_state", diagnostics);
    let param = take_attribute(&mut typed.attrs, "param", diagnostics);
    let of_window = window_state.is_some();
    if let (Some(_), Some(second)) = (&state, &window_state) {
        let fix = "`#[state]` is kept for each key, `#[window_state]` for each key and window: leave one of them out";
        diagnostics.error(second, format!("a parameter cannot be both: {fix}"));
        return None;
    }
    match (state.or(window_state), param) {
        (Some(_), Some(param)) => {
            let fix =
                "`#[state]` is kept for each key, `#[param]` is given when the job is built: leave one of them out";
            diagnostics.error(param, format!("a parameter cannot be both: {fix}"));
            None
        }
        (Some(attribute), None) => {
            let marker = if of_window { "#[window_state]" } else { "#[state]" };
            let ident = name(typed, marker, diagnostics)?;
            Some(Role::State { ident, attribute, of_window })
        }
        (None, Some(attribute)) => {
            if !matches!(attribute.meta, syn::Meta::Path(_)) {
                diagnostics.error(&attribute.meta, "`#[param]` takes no arguments: write `#[param]`");
            }
            param_of(typed, diagnostics).map(Role::Param)
        }
        (None, None) => role_by_type(&typed.ty, diagnostics),
    }
}

fn param_of(typed: &PatType, diagnostics: &mut Diagnostics) -> Option<Param> {
    let ident = name(typed, "#[param]", diagnostics)?;
    match &*typed.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let fix = "take it by value or as `&T`; what changes with the records is `#[state]`";
            diagnostics.error(&typed.ty, format!("a `#[param]` does not change while the job runs: {fix}"));
            None
        }
        Type::Reference(reference) => Some(Param { ident, ty: owned(&reference.elem), by_reference: true }),
        Type::ImplTrait(_) => {
            diagnostics.error(&typed.ty, "a `#[param]` is kept in the operator: write its type in place of `impl ..`");
            None
        }
        ty => Some(Param { ident, ty: ty.clone(), by_reference: false }),
    }
}

fn role_by_type(ty: &Type, diagnostics: &mut Diagnostics) -> Option<Role> {
    for (word, example) in
        [("Collector", "Collector<T>"), ("Context", "Context<'_>"), ("KeyedContext", "KeyedContext<'_, K>")]
    {
        let mutable = matches!(ty, Type::Reference(reference) if reference.mutability.is_some());
        if is_named(referent(ty).unwrap_or(ty), word) && !mutable {
            diagnostics.error(ty, format!("a `{word}` is lent to the operator: write `&mut {example}`"));
            return None;
        }
    }
    if let Some(results) = argument_of_mut(ty, "Collector") {
        return Some(Role::Collector(results.clone()));
    }
    let Some(referent) = referent(ty) else { return Some(Role::Data) };
    if is_named(referent, "Context") {
        return Some(Role::Context);
    }
    if is_named(referent, "KeyedContext") {
        let key = crate::types::last_segment(referent).and_then(|segment| type_arguments(segment).next());
        return Some(Role::KeyedContext(key.cloned()));
    }
    Some(Role::Data)
}

/// The name of a parameter that is not a pattern.
fn name(typed: &PatType, marker: &str, diagnostics: &mut Diagnostics) -> Option<Ident> {
    match &*typed.pat {
        Pat::Ident(pattern) if pattern.subpat.is_none() => Some(pattern.ident.clone()),
        other => {
            diagnostics.error(other, format!("a `{marker}` needs a name: write a name here and match on it inside"));
            None
        }
    }
}

/// Takes off the attribute called `word`. Reports a second one.
fn take_attribute(attributes: &mut Vec<Attribute>, word: &str, diagnostics: &mut Diagnostics) -> Option<Attribute> {
    let (taken, others): (Vec<_>, Vec<_>) =
        std::mem::take(attributes).into_iter().partition(|attribute| attribute.path().is_ident(word));
    *attributes = others;
    let mut taken = taken.into_iter();
    let first = taken.next();
    for second in taken {
        diagnostics.error(second, format!("`#[{word}]` is given twice: leave one of them out"));
    }
    first
}
