//! A windowed operator made of an `impl ProcessWindow`: its validated model, one function per rule.
//!
//! What the trait asks for may be left out where there is nothing to say: states that there are none of, and rows that are
//! empty by default.

use syn::{GenericArgument, ImplItem, ItemImpl, PathArguments, Type, parse_quote};

use super::steps::Steps;
use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;
use crate::types::{argument_of, last_segment, written};

/// A windowed operator made of an `impl ProcessWindow`, nothing left to check.
pub(crate) struct Model<'a> {
    /// The impl with all that the trait asks for.
    pub(crate) item: &'a ItemImpl,
    /// The type of the stream's records.
    pub(crate) record: Type,
    pub(crate) key: Type,
    /// What the operator is called, unless the annotation says otherwise.
    pub(crate) name: String,
    pub(crate) steps: Steps,
}

impl<'a> Model<'a> {
    /// Checks an annotated impl, and makes of it what the trait asks for. `None` if it is no operator.
    pub(crate) fn of(arguments: &Arguments, item: &'a mut ItemImpl, diagnostics: &mut Diagnostics) -> Option<Self> {
        if let Some(key) = arguments.key("reduce") {
            let fix = "leave `reduce` out, or put the annotation on a function of two records";
            diagnostics.error(key, format!("an `impl ProcessWindow` is given all of a window's records: {fix}"));
        }
        let steps = Steps::model(arguments, diagnostics);
        let (key, record) = (key(item, diagnostics), record(item, diagnostics));
        complete(item);
        let name = last_segment(&item.self_ty).map(|segment| segment.ident.to_string()).unwrap_or_default();
        Some(Self { item, record: record?, key: key?, name, steps: steps? })
    }
}

/// Rule: the type of the key is known.
fn key(item: &ItemImpl, diagnostics: &mut Diagnostics) -> Option<Type> {
    let path = item.trait_.as_ref().map(|(_, path, _)| path)?;
    let key = path.segments.last().and_then(|last| match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        }),
        _ => None,
    });
    let is_parameter = |ty: &&Type| item.generics.type_params().any(|parameter| parameter.ident == written(ty));
    let key = key.filter(|ty| !is_parameter(ty));
    if key.is_none() {
        let fix = "write it, as in `impl ProcessWindow<String> for ..`";
        diagnostics
            .error(path, format!("the annotation says how records are keyed, so the type of the key is one: {fix}"));
    }
    key.cloned()
}

/// Rule: the function is given all of a window's records.
fn record(item: &ItemImpl, diagnostics: &mut Diagnostics) -> Option<Type> {
    let given = item.items.iter().find_map(|item| match item {
        ImplItem::Type(assoc) if assoc.ident == "In" => Some(&assoc.ty),
        _ => None,
    });
    let record = given.and_then(|given| argument_of(given, "Vec"));
    if record.is_none() {
        let fix = "write `type In = Vec<T>;`; to be given what an `Aggregate` makes of them, leave the annotation out and call `.aggregate_window(..)`";
        let message = format!("an annotated `impl ProcessWindow` is given the records of a window: {fix}");
        match given {
            Some(given) => diagnostics.error(given, message),
            None => diagnostics.error(&item.self_ty, message),
        }
    }
    record.cloned()
}

/// Adds what goes without saying.
fn complete(item: &mut ItemImpl) {
    for (row, new) in [("State", "new_state"), ("WindowState", "new_window_state")] {
        let [row, new] = [row, new].map(|word| syn::Ident::new(word, proc_macro2::Span::call_site()));
        if !item.items.iter().any(|item| matches!(item, ImplItem::Type(assoc) if assoc.ident == row)) {
            item.items.push(parse_quote!(type #row = ();));
        }
        if !item.items.iter().any(|item| matches!(item, ImplItem::Fn(function) if function.sig.ident == new)) {
            item.items.push(parse_quote! {
                fn #new(&self) -> Self::#row {
                    ::core::default::Default::default()
                }
            });
        }
    }
}
