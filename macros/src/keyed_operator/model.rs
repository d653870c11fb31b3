//! A struct with states: its validated model, one function per rule.

use syn::{Attribute, DeriveInput, GenericParam, Generics, Ident, Meta, Type, Visibility};

use super::form::Form;
use super::parse::{self, Mark, Marked};
use crate::diagnostics::Diagnostics;
use crate::options::Options;
use crate::state::{State, by_scope};

/// A struct with states, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) vis: &'a Visibility,
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) form: Form,
    /// Kept for each key.
    pub(crate) states: Vec<State>,
    /// Kept for each subtask.
    pub(crate) operator_states: Vec<State>,
    /// Given when the job is built.
    pub(crate) params: Vec<(&'a Ident, &'a Type)>,
    /// Made by `Default` in each subtask.
    pub(crate) transients: Vec<(&'a Ident, &'a Type)>,
    pub(crate) options: Options,
}

impl<'a> Model<'a> {
    /// Checks a struct. `None` if what is wrong leaves no operator.
    pub(crate) fn of(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Self> {
        check_lifetimes(&input.generics, diagnostics);
        let arguments = parse::arguments(input, diagnostics);
        let form = Form::model(&arguments, diagnostics);
        let options = Options::model(&arguments, diagnostics);
        let mut model = Self {
            vis: &input.vis,
            ident: &input.ident,
            generics: &input.generics,
            form,
            states: Vec::new(),
            operator_states: Vec::new(),
            params: Vec::new(),
            transients: Vec::new(),
            options,
        };
        let mut complete = true;
        for marked in parse::fields(input, diagnostics)? {
            complete &= model.add(&marked, diagnostics).is_some();
        }
        (model.states, model.operator_states) = by_scope(model.states, diagnostics)?;
        complete.then_some(model)
    }

    /// Puts a field to its like.
    fn add(&mut self, marked: &Marked<'a>, diagnostics: &mut Diagnostics) -> Option<()> {
        let ident = marked.field.ident.as_ref().expect("invariant: the fields are named");
        let ty = &marked.field.ty;
        let (mark, attribute) = mark(marked, ident, diagnostics);
        match mark {
            Mark::State => self.states.push(State::model(ident, ty, attribute?, diagnostics)?),
            Mark::Param => self.params.push((ident, ty)),
            Mark::Transient => self.transients.push((ident, ty)),
        }
        Some(())
    }
}

/// Rule: an operator lives as long as its job.
fn check_lifetimes(generics: &Generics, diagnostics: &mut Diagnostics) {
    for param in &generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            let fix = "keep owned values, such as `String` in place of `&str`";
            diagnostics.error(lifetime, format!("an operator lives as long as its job, so it cannot borrow: {fix}"));
        }
    }
}

/// Rule: each field has one mark. A field without counts as a parameter, so that the rest can be checked.
fn mark<'a>(marked: &Marked<'a>, ident: &Ident, diagnostics: &mut Diagnostics) -> (Mark, Option<&'a Attribute>) {
    let Some((mark, attribute)) = marked.marks.first() else {
        let fix = "mark it with `#[state]` (kept for each key), `#[param]` (given when the job is built) or `#[transient]` (made by `Default` in each subtask, in no snapshot)";
        diagnostics.error(ident, format!("what is `{ident}` for? {fix}"));
        return (Mark::Param, None);
    };
    if let Some((_, second)) = marked.marks.get(1) {
        diagnostics.error(second, format!("`{ident}` has two marks: leave one of them out"));
    }
    if *mark != Mark::State && !matches!(attribute.meta, Meta::Path(_)) {
        let word = attribute.path().get_ident();
        let message = word.map(|word| format!("`#[{word}]` takes no arguments: write `#[{word}]`"));
        diagnostics.error(&attribute.meta, message.unwrap_or_default());
    }
    (*mark, Some(attribute))
}
