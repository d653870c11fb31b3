//! An `async fn` as an operator: its validated model, one function per rule.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Expr, ItemFn, Type};

use super::retry::retry;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::duration::duration;
use crate::operator::model::{Emission, Record, check_fit, check_on_error, check_signature, emission, record};
use crate::operator::parse::{Inputs, Param, Role};
use crate::options::{Options, count, is_path};
use crate::types::{Returned, written};

/// An asynchronous operator, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    pub(crate) record: Record,
    /// What the function is called with, in order.
    pub(crate) arguments: Vec<Passed>,
    pub(crate) params: Vec<Param>,
    pub(crate) emission: Emission,
    /// The type of what the function returns, without `Result`.
    pub(crate) returned: Type,
    /// Where the function says that it may fail, if it does.
    pub(crate) fallible: Option<Span>,
    pub(crate) options: Options,
    /// An expression of type `AsyncOptions`.
    pub(crate) requests: TokenStream,
    /// What takes the place of the function's result when it is not there in time.
    pub(crate) timed_out: Option<Expr>,
}

/// One argument of the call.
pub(crate) enum Passed {
    Record,
    /// The param with this number.
    Param(usize),
    Context,
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
        check_arguments(arguments, diagnostics);
        let record = record(inputs, function, diagnostics);
        let passed = passed(inputs, diagnostics);
        let returned = Returned::of(&function.sig.output);
        let by_reference = record.as_ref().is_some_and(|record| record.by_reference);
        // What a collector would have to say of itself has been said.
        let emission = passed.as_ref().and_then(|_| emission(arguments, function, inputs, by_reference, diagnostics));
        let options = Options::model(arguments, diagnostics);
        check_on_error(arguments, function, &returned, diagnostics);
        let requests = requests(arguments, diagnostics);
        if inputs.broken || !sound {
            return None;
        }
        Some(Self {
            function,
            record: record?,
            arguments: passed?,
            params: inputs.params(),
            emission: emission?,
            fallible: returned.fallible.then(|| function.sig.output.span()),
            returned: returned.value?,
            options,
            requests,
            timed_out: arguments.value("timed_out").cloned(),
        })
    }
}

/// Rule: it neither blocks nor belongs to a key.
fn check_arguments(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for (word, fix) in [
        ("blocking", "leave it out, since other records go on while an `async fn` waits; or leave out `async`"),
        ("keyed", "leave it out, and look things up in an operator of its own before or after this one"),
        ("process", "leave it out, and return the results"),
    ] {
        if let Some(key) = arguments.key(word) {
            diagnostics.error(key, format!("an `async fn` is not `{word}`: {fix}"));
        }
    }
    if let Some(key) = arguments.key("timed_out").filter(|_| arguments.key("timeout").is_none()) {
        diagnostics.error(key, "without a timeout nothing is `timed_out`: add one, such as `timeout = \"1 s\"`");
    }
}

/// Rule: it takes what can be sent to another thread, and emits what it returns.
fn passed(inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Vec<Passed>> {
    let (mut params, mut contexts, mut sound) = (0.., 0, true);
    let mut passed = Vec::new();
    for input in inputs.iter() {
        let wrong = match &input.role {
            Role::Data => {
                passed.push(Passed::Record);
                continue;
            }
            Role::Param(_) => {
                passed.push(Passed::Param(params.next().expect("invariant: numbers do not end")));
                continue;
            }
            Role::AsyncContext => {
                contexts += 1;
                passed.push(Passed::Context);
                if contexts == 1 {
                    continue;
                }
                "an operator has one context: leave one of them out".to_owned()
            }
            Role::Collector(_) => {
                "an `async fn` emits what it returns: leave the collector out, and return a value, a `Vec` or an `Option`"
                    .to_owned()
            }
            Role::Context | Role::KeyedContext(_) => {
                let found = written(&input.ty);
                format!("an `async fn` runs on another thread, where there is no `{found}`: write `&AsyncContext`")
            }
            Role::State { .. } => {
                "an `async fn` has no state, since its calls overlap: keep it in an operator before or after this one".to_owned()
            }
        };
        diagnostics.error(&input.ty, wrong);
        sound = false;
    }
    sound.then_some(passed)
}

/// How the operator goes about its requests.
fn requests(arguments: &Arguments, diagnostics: &mut Diagnostics) -> TokenStream {
    let order = order(arguments, diagnostics);
    let capacity = count("capacity", arguments, diagnostics).into_iter();
    let timeout = arguments.value("timeout").map(|timeout| duration("timeout", timeout, diagnostics)).into_iter();
    let retry = arguments.value("retry").map(|strategy| retry(strategy, diagnostics)).into_iter();
    quote! {
        ::millstream::operator::AsyncOptions::#order()
            #(.capacity(#capacity))*
            #(.timeout(#timeout))*
            #(.retry(#retry))*
    }
}

/// Rule: there are two orders.
fn order(arguments: &Arguments, diagnostics: &mut Diagnostics) -> TokenStream {
    match arguments.value("order") {
        None => quote!(ordered),
        Some(order) if is_path(order, "ordered") => quote!(ordered),
        Some(order) if is_path(order, "unordered") => quote!(unordered),
        Some(other) => {
            let found = written(other);
            let fix = "write `ordered`, or `unordered` to hand results on as they come";
            diagnostics.error(other, format!("`order` cannot be `{found}`: {fix}"));
            quote!(ordered)
        }
    }
}
