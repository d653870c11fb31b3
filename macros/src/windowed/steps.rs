//! What all windowed operators have in common: keyed, windowed, and named afterwards.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Type};

use super::assigner;
use super::key::Selector;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::duration::duration;
use crate::operator::PER_RECORD;
use crate::options::Options;

/// The steps before and after the fold of a window's records, nothing left to check.
pub(crate) struct Steps {
    selector: Selector,
    /// An expression that makes the window assigner.
    window: TokenStream,
    trigger: Option<TokenStream>,
    /// An expression of type `Duration`.
    allowed_lateness: Option<TokenStream>,
    /// The tag of the output that takes late records.
    late: Option<Expr>,
    options: Options,
}

impl Steps {
    /// Checks the annotation. `None` if records would have no key or no window.
    pub(crate) fn model(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<Self> {
        check_fit(arguments, diagnostics);
        let options = Options::model(arguments, diagnostics);
        let key = required("key", "key = click.user", arguments, diagnostics);
        let window = required("window", "window = tumbling(\"1 min\")", arguments, diagnostics);
        let selector = key.and_then(|key| Selector::model(key, diagnostics));
        let window = window.map(|window| assigner::window(window, diagnostics));
        let trigger = arguments.value("trigger").map(|trigger| assigner::trigger(trigger, diagnostics));
        let lateness = arguments.value("allowed_lateness");
        let allowed_lateness = lateness.map(|lateness| duration("allowed_lateness", lateness, diagnostics));
        let late = arguments.value("late").cloned();
        Some(Self { selector: selector?, window: window?, trigger, allowed_lateness, late, options })
    }

    /// What comes before the fold, of a stream of records of type `record`.
    pub(crate) fn before(&self, record: &Type) -> TokenStream {
        let key = self.selector.expand(record);
        let window = &self.window;
        let trigger = self.trigger.iter();
        let allowed_lateness = self.allowed_lateness.iter();
        let late = self.late.iter();
        quote! {
            #key
            .window(#window)
            #(.trigger(#trigger))*
            #(.allowed_lateness(#allowed_lateness))*
            #(.late_output(#late))*
        }
    }

    /// An expression for the options of an operator called `name` unless the annotation says otherwise.
    pub(crate) fn options(&self, name: &str) -> TokenStream {
        self.options.expand(name)
    }
}

/// Rule: what is about single records does not fit windows.
fn check_fit(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| PER_RECORD.iter().any(|word| *key == word)) {
        let fix = "leave it out, or leave out `window` and what goes with it";
        diagnostics
            .error(key, format!("`{key}` belongs to an operator on single records, and this one has windows: {fix}"));
    }
}

/// Rule: a windowed operator says its key and its window.
fn required<'a>(key: &str, example: &str, arguments: &'a Arguments, diagnostics: &mut Diagnostics) -> Option<&'a Expr> {
    // What was given without a value has been reported.
    if arguments.key(key).is_none() {
        let span = proc_macro2::Span::call_site();
        diagnostics.error_at(span, format!("a windowed operator needs `{key}`: write `#[operator({example}, ..)]`"));
    }
    arguments.value(key)
}
