//! The struct as it is written: its fields, by how they are marked.

use syn::{Attribute, Data, DeriveInput, Field, Fields, Meta};

use crate::attribute::{Argument, Arguments, Takes};
use crate::diagnostics::Diagnostics;

/// The arguments of `#[operator(..)]` on a struct.
const ARGUMENTS: &[Argument] = &[
    Argument { key: "connect", takes: Takes::Nothing, example: "connect" },
    Argument { key: "broadcast", takes: Takes::Nothing, example: "broadcast" },
    Argument { key: "uid", takes: Takes::Value, example: "uid = \"clicks\"" },
    Argument { key: "name", takes: Takes::Value, example: "name = \"clicks per user\"" },
    Argument { key: "parallelism", takes: Takes::Value, example: "parallelism = 4" },
    Argument { key: "on_error", takes: Takes::Value, example: "on_error = skip" },
];

/// The marks that a field may have.
const MARKS: [(&str, Mark); 3] = [("state", Mark::State), ("param", Mark::Param), ("transient", Mark::Transient)];

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    State,
    Param,
    Transient,
}

/// A field and how it is marked.
pub(crate) struct Marked<'a> {
    pub(crate) field: &'a Field,
    /// The marks with their attributes, in order.
    pub(crate) marks: Vec<(Mark, &'a Attribute)>,
}

/// The named fields of a struct; `None` for what is no such struct, which is reported.
pub(crate) fn fields<'a>(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Vec<Marked<'a>>> {
    let what = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(fields.named.iter().map(marked).collect()),
            Fields::Unit => return Some(Vec::new()),
            Fields::Unnamed(_) => "a struct without names",
        },
        Data::Enum(_) => "an enum",
        Data::Union(_) => "a union",
    };
    let fix = "write `struct Name { #[state] total: Value<u64>, #[param] limit: u64 }`";
    diagnostics.error(&input.ident, format!("`KeyedOperator` cannot be derived for {what}: {fix}"));
    None
}

/// The arguments of the struct's `#[operator(..)]`, if it has one.
pub(crate) fn arguments(input: &DeriveInput, diagnostics: &mut Diagnostics) -> Arguments {
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("operator"));
    let Some(attribute) = attributes.next() else { return Arguments::default() };
    for second in attributes {
        diagnostics.error(second, "`#[operator]` is given twice: write all arguments into one");
    }
    match &attribute.meta {
        Meta::List(list) => Arguments::parse(list.tokens.clone(), "#[operator]", ARGUMENTS, diagnostics),
        other => {
            diagnostics.error(other, "`#[operator]` on a struct says nothing: write `#[operator(uid = \"name\")]`");
            Arguments::default()
        }
    }
}

fn marked(field: &Field) -> Marked<'_> {
    let mark =
        |attribute: &Attribute| MARKS.iter().find(|(word, _)| attribute.path().is_ident(word)).map(|(_, mark)| *mark);
    let marks = field.attrs.iter().filter_map(|attribute| Some((mark(attribute)?, attribute)));
    Marked { field, marks: marks.collect() }
}
