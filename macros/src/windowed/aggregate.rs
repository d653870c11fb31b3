//! A windowed operator made of an `impl Aggregate`: its validated model, one function per rule.
//!
//! Beside what the trait asks for, the impl may have a function `emit`, which makes results of the key, the window and
//! the result of the fold; and `create` may be left out if the accumulator has a default.

use syn::visit_mut::VisitMut;
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, Path, Type, TypePath, parse_quote};

use super::steps::Steps;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::types::{Returned, argument_of_mut, last_segment};

/// How `emit` is written, for error messages.
const EMIT: &str = "fn emit(&self, key: &K, window: &WindowContext<'_>, result: Self::Out, out: &mut Collector<O>)";

/// A windowed operator made of an `impl Aggregate`, nothing left to check.
pub(crate) struct Model<'a> {
    /// The impl without `emit` and with `create`.
    pub(crate) item: &'a ItemImpl,
    /// What the operator is called, unless the annotation says otherwise.
    pub(crate) name: String,
    pub(crate) steps: Steps,
    pub(crate) emit: Option<Emit>,
}

/// The function that makes results of the key, the window and the result of the fold.
pub(crate) struct Emit {
    pub(crate) function: ImplItemFn,
    /// The type of what it emits.
    pub(crate) results: Type,
}

impl<'a> Model<'a> {
    /// Checks an annotated impl, and makes of it what the trait asks for. `None` if it is no operator.
    pub(crate) fn of(arguments: &Arguments, item: &'a mut ItemImpl, diagnostics: &mut Diagnostics) -> Option<Self> {
        if !check_trait(item, diagnostics) {
            return None;
        }
        if let Some(key) = arguments.key("reduce") {
            let fix = "leave `reduce` out, or put the annotation on a function of two records";
            diagnostics.error(key, format!("an `impl Aggregate` says itself how records become one: {fix}"));
        }
        let steps = Steps::model(arguments, diagnostics);
        let emit = take_emit(item);
        check_on_error(arguments, emit.as_ref(), diagnostics);
        let emit = emit.map(|function| emit_of(item, function, diagnostics));
        add_create(item);
        let name = last_segment(&item.self_ty).map(|segment| segment.ident.to_string());
        let emit = match emit {
            Some(emit) => Some(emit?),
            None => None,
        };
        Some(Self { item, name: name.unwrap_or_default(), steps: steps?, emit })
    }
}

/// Rule: the impl is one of `Aggregate`.
fn check_trait(item: &ItemImpl, diagnostics: &mut Diagnostics) -> bool {
    let implemented = item.trait_.as_ref().map(|(_, path, _)| path);
    let is_aggregate =
        implemented.is_some_and(|path: &Path| path.segments.last().is_some_and(|last| last.ident == "Aggregate"));
    if !is_aggregate {
        let fix = "put the annotation on an `impl Aggregate for ..`, an `impl ProcessWindow<K> for ..` or on a function; a struct with states has `#[derive(KeyedOperator)]` and an ordinary `impl KeyedProcess`";
        let message = format!("`#[operator]` does not fit this `impl`: {fix}");
        match implemented {
            Some(path) => diagnostics.error(path, message),
            None => diagnostics.error(&item.self_ty, message),
        }
    }
    is_aggregate
}

/// Rule: what cannot fail needs no policy for failure.
fn check_on_error(arguments: &Arguments, emit: Option<&ImplItemFn>, diagnostics: &mut Diagnostics) {
    let fallible = emit.is_some_and(|emit| Returned::of(&emit.sig.output).fallible);
    if let Some(key) = arguments.key("on_error").filter(|_| !fallible) {
        let fix = "leave `on_error` out, or add a function `emit` that returns `Result<()>`";
        diagnostics.error(key, format!("an aggregate never fails, but for its function `emit`: {fix}"));
    }
}

fn take_emit(item: &mut ItemImpl) -> Option<ImplItemFn> {
    let is_emit = |item: &ImplItem| matches!(item, ImplItem::Fn(function) if function.sig.ident == "emit");
    let position = item.items.iter().position(is_emit)?;
    match item.items.remove(position) {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    }
}

/// Rule: `emit` takes key, window and result, and emits through a collector.
fn emit_of(item: &ItemImpl, mut function: ImplItemFn, diagnostics: &mut Diagnostics) -> Option<Emit> {
    let inputs: Vec<&FnArg> = function.sig.inputs.iter().collect();
    let results = match inputs.as_slice() {
        [FnArg::Receiver(_), _, _, _, FnArg::Typed(out)] => argument_of_mut(&out.ty, "Collector").cloned(),
        _ => None,
    };
    let returned = Returned::of(&function.sig.output);
    let Some(mut results) = results.filter(|_| returned.value.is_none()) else {
        diagnostics.error(&function.sig, format!("`emit` makes results when a window fires: write `{EMIT}`"));
        return None;
    };
    // The function moves out of the trait's impl, where `Self::Out` alone would not be understood.
    let mut qualify = Qualify { item };
    qualify.visit_impl_item_fn_mut(&mut function);
    qualify.visit_type_mut(&mut results);
    Some(Emit { function, results })
}

/// Makes `<Self as Aggregate>::Out` of `Self::Out`.
struct Qualify<'a> {
    item: &'a ItemImpl,
}

impl VisitMut for Qualify<'_> {
    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        syn::visit_mut::visit_type_path_mut(self, path);
        let segments = &path.path.segments;
        let own = |name: &str| {
            self.item.items.iter().any(|item| matches!(item, ImplItem::Type(assoc) if assoc.ident == name))
        };
        if let (None, 2, Some(first), Some(last)) = (&path.qself, segments.len(), segments.first(), segments.last())
            && first.ident == "Self"
            && own(&last.ident.to_string())
        {
            *path = parse_quote!(<Self as ::millstream::operator::Aggregate>::#last);
        }
    }
}

fn add_create(item: &mut ItemImpl) {
    let has_create =
        item.items.iter().any(|item| matches!(item, ImplItem::Fn(function) if function.sig.ident == "create"));
    if !has_create {
        item.items.push(parse_quote! {
            fn create(&self) -> Self::Acc {
                ::core::default::Default::default()
            }
        });
    }
}
