//! The function that builds a job: its validated model, one function per rule.

use quote::ToTokens as _;
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, Meta, Type};

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::options::text;
use crate::types::{Returned, is_named, referent};

/// How the function is written, for error messages.
const SIGNATURE: &str = "fn job(env: &Environment, args: Args) -> Result<()>";

/// A function that builds a job, nothing left to check.
pub(crate) struct Model<'a> {
    pub(crate) function: &'a ItemFn,
    /// The type of the user's arguments, if the function takes any.
    pub(crate) args: Option<&'a Type>,
    /// An expression for the job's name; the binary's name, unless given.
    pub(crate) name: Option<Expr>,
    /// The lines of the function's documentation, for `--help`.
    pub(crate) docs: Vec<&'a Expr>,
    /// Whether the program gets the allocator that jobs do best with.
    pub(crate) fast_allocator: bool,
}

impl<'a> Model<'a> {
    /// Checks the function. `None` if it cannot be called.
    pub(crate) fn of(arguments: &Arguments, function: &'a ItemFn, diagnostics: &mut Diagnostics) -> Option<Self> {
        let fast_allocator = fast_allocator(arguments, diagnostics);
        let name = text("name", arguments, diagnostics);
        let plain = check_plain(function, diagnostics);
        let returns = check_return(function, diagnostics);
        let mut inputs = function.sig.inputs.iter();
        let environment = check_environment(function, inputs.next(), diagnostics);
        let args = inputs.next();
        for third in inputs {
            let message = "a job takes the environment and one struct of arguments: add a field to that struct";
            diagnostics.error(third, message);
        }
        (plain && returns && environment && function.sig.inputs.len() <= 2).then_some(())?;
        let args = args.and_then(|args| match args {
            FnArg::Typed(args) => Some(&*args.ty),
            FnArg::Receiver(_) => None,
        });
        Some(Self { function, args, name, docs: docs(function), fast_allocator })
    }
}

fn docs(function: &ItemFn) -> Vec<&Expr> {
    let docs = function.attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => Some(&doc.value),
        _ => None,
    });
    docs.collect()
}

/// Rule: the function is an ordinary one.
fn check_plain(function: &ItemFn, diagnostics: &mut Diagnostics) -> bool {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        let fix = "leave `async` out; reading and writing begin when the job runs";
        diagnostics.error(keyword, format!("building a job waits for nothing: {fix}"));
        return false;
    }
    if !signature.generics.params.is_empty() {
        diagnostics.error(&signature.generics, "the function that builds the job cannot be generic: name the types");
        return false;
    }
    true
}

/// Rule: building a job may fail.
fn check_return(function: &ItemFn, diagnostics: &mut Diagnostics) -> bool {
    let returned = Returned::of(&function.sig.output);
    let fits = returned.fallible && returned.value.is_none();
    if !fits {
        let message = format!(
            "building a job may fail, and a job gives its results to sinks: return `Result<()>`, as in `{SIGNATURE}`"
        );
        match &function.sig.output {
            syn::ReturnType::Default => diagnostics.error(&function.sig.ident, message),
            syn::ReturnType::Type(_, ty) => diagnostics.error(ty, message),
        }
    }
    fits
}

/// Rule: the environment comes first.
fn check_environment(function: &ItemFn, first: Option<&FnArg>, diagnostics: &mut Diagnostics) -> bool {
    let fits = match first {
        Some(FnArg::Typed(first)) => referent(&first.ty).is_some_and(|ty| is_named(ty, "Environment")),
        _ => false,
    };
    if !fits {
        let message = format!("a job is built in an environment, which comes first: write `{SIGNATURE}`");
        match first {
            Some(first) => diagnostics.error(first, message),
            None => diagnostics.error(&function.sig.ident, message),
        }
    }
    fits
}

/// Rule: the allocator is the default one or the system's.
fn fast_allocator(arguments: &Arguments, diagnostics: &mut Diagnostics) -> bool {
    match arguments.value("allocator") {
        None => true,
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if text.value() == "system" => false,
        Some(other) => {
            let found = other.to_token_stream();
            let fix = "write `allocator = \"system\"`, or leave it out for the one that jobs do best with; for any other, write `\"system\"` and add a `#[global_allocator]`";
            diagnostics.error(other, format!("`allocator` cannot be `{found}`: {fix}"));
            true
        }
    }
}
