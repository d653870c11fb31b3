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
use crate::options::{OnError, Options};

/// The steps before and after the fold of a window's records, nothing left to check.
pub(crate) struct Steps {
    /// `None` if windows are of the stream as a whole.
    selector: Option<Selector>,
    /// An expression that makes the window assigner.
    window: TokenStream,
    trigger: Option<TokenStream>,
    evictor: Option<TokenStream>,
    /// An expression of type `Duration`.
    allowed_lateness: Option<TokenStream>,
    /// The tag of the output that takes late records.
    late: Option<Expr>,
    /// What becomes of windows for which the function fails.
    on_error: Option<OnError>,
    options: Options,
}

impl Steps {
    /// Checks the annotation. `None` if records would have no key or no window.
    pub(crate) fn model(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<Self> {
        check_fit(arguments, diagnostics);
        let mut options = Options::model(arguments, diagnostics);
        let on_error = options.on_error.take();
        let (selector, window) = match arguments.key("window_all") {
            Some(_) => (Some(None), whole(arguments, diagnostics)),
            None => keyed(arguments, diagnostics),
        };
        let trigger = arguments.value("trigger").map(|trigger| assigner::trigger(trigger, diagnostics));
        let evictor = arguments.value("evictor").map(|evictor| assigner::evictor(evictor, diagnostics));
        let lateness = arguments.value("allowed_lateness");
        let allowed_lateness = lateness.map(|lateness| duration("allowed_lateness", lateness, diagnostics));
        let late = arguments.value("late").cloned();
        let (selector, window) = (selector?, window?);
        Some(Self { selector, window, trigger, evictor, allowed_lateness, late, on_error, options })
    }

    /// Whether windows are of the stream as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.selector.is_none()
    }

    /// What comes before the fold, of a stream of records of type `record`.
    pub(crate) fn before(&self, record: &Type) -> TokenStream {
        let window = &self.window;
        let windowed = match &self.selector {
            Some(selector) => {
                let key = selector.expand(record);
                quote!(#key.window(#window))
            }
            None => quote!(.window_all(#window)),
        };
        let evictor = self.evictor.iter();
        let on_error = self.on_error.iter().map(OnError::expand);
        let trigger = self.trigger.iter();
        let allowed_lateness = self.allowed_lateness.iter();
        let late = self.late.iter();
        quote! {
            #windowed
            #(.trigger(#trigger))*
            #(.evictor(#evictor))*
            #(.allowed_lateness(#allowed_lateness))*
            #(.late_output(#late))*
            #(.on_error(#on_error))*
        }
    }

    /// An expression for the options of an operator called `name` unless the annotation says otherwise.
    pub(crate) fn options(&self, name: &str) -> TokenStream {
        self.options.expand(name)
    }
}

/// The key and the window of windows by key.
fn keyed(arguments: &Arguments, diagnostics: &mut Diagnostics) -> (Option<Option<Selector>>, Option<TokenStream>) {
    let key = required("key", "key = click.user", arguments, diagnostics);
    let window = required("window", "window = tumbling(\"1 min\")", arguments, diagnostics);
    let selector = key.and_then(|key| Selector::model(key, diagnostics));
    (selector.map(Some), window.map(|window| assigner::window("window", window, diagnostics)))
}

/// Rule: windows of the stream as a whole have no key, and are said once.
fn whole(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<TokenStream> {
    for other in ["key", "window"].iter().filter_map(|key| arguments.key(key)) {
        let fix = "leave it out, or write `key = ..` and `window = ..` in place of `window_all`";
        diagnostics.error(other, format!("`{other}` does not go with `window_all`, which is about all records: {fix}"));
    }
    arguments.value("window_all").map(|window| assigner::window("window_all", window, diagnostics))
}

/// Rule: what is about single records or pairs does not fit windows.
fn check_fit(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| PER_RECORD.iter().any(|word| *key == word)) {
        let fix = "leave it out, or leave out `window` and what goes with it";
        let what = if *key == "join" { "pairs" } else { "single records" };
        diagnostics.error(key, format!("`{key}` belongs to an operator on {what}, and this one has windows: {fix}"));
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
