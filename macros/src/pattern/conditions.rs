//! What the events of a stage have to be, as its attribute says.

use syn::{Expr, Path};

use super::parse::Marked;
use crate::diagnostics::Diagnostics;
use crate::types::written;

/// A condition: the expression, and the method of the builder that takes it.
pub(crate) struct Condition {
    pub(crate) method: &'static str,
    /// Whether it sees what the partial match holds so far.
    pub(crate) is_iterative: bool,
    pub(crate) test: Expr,
}

/// The arguments that are conditions, and the builder's methods for them.
const CONDITIONS: [(&str, &str, bool); 4] =
    [("filter", "where_", false), ("when", "where_with", true), ("or", "or", false), ("or_when", "or_with", true)];

/// Rule: an alternative is one to something.
pub(crate) fn conditions(marked: &Marked<'_>, diagnostics: &mut Diagnostics) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (key, test) in marked.arguments.values() {
        let Some((word, method, is_iterative)) = CONDITIONS.iter().find(|(word, ..)| key == word) else { continue };
        if conditions.is_empty() && word.starts_with("or") {
            let instead = if *is_iterative { "when" } else { "filter" };
            diagnostics
                .error(key, format!("`{word}` adds to a condition, and there is none before it: write `{instead}`"));
        }
        conditions.push(Condition { method, is_iterative: *is_iterative, test: test.clone() });
    }
    conditions
}

/// Rule: one condition at most ends a loop. Answers with it.
pub(crate) fn until(marked: &Marked<'_>, diagnostics: &mut Diagnostics) -> Option<Condition> {
    let of = |key: &str, method, is_iterative| {
        marked.arguments.value(key).map(|test| Condition { method, is_iterative, test: test.clone() })
    };
    if let (Some(_), Some(second)) = (marked.arguments.key("until"), marked.arguments.key("until_when")) {
        diagnostics.error(second, "`until` and `until_when` both end the loop: leave one of them out");
    }
    of("until", "until", false).or_else(|| of("until_when", "until_with", true))
}

/// Rule: a variant is named by its path.
pub(crate) fn variant(marked: &Marked<'_>, diagnostics: &mut Diagnostics) -> Option<Path> {
    let value = marked.arguments.value("variant")?;
    match value {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        other => {
            let found = written(other);
            diagnostics.error(
                other,
                format!(
                    "`{found}` is not the path of a variant: write `variant = Event::Login`, without what it holds"
                ),
            );
            None
        }
    }
}

/// Rule: a group has no conditions, its stages have.
pub(crate) fn check_group(marked: &Marked<'_>, diagnostics: &mut Diagnostics) {
    if marked.arguments.key("group").is_none() {
        return;
    }
    let is_condition = |word: &str| word == "variant" || CONDITIONS.iter().any(|(known, ..)| *known == word);
    for key in marked.arguments.keys().filter(|key| is_condition(&key.to_string())) {
        let fix = "leave it out, and write it at the stages in the group's struct";
        diagnostics.error(key, format!("`{}` is a group and has no `{key}`: {fix}", marked.ident));
    }
    if marked.link.is_negative() {
        let fix = "forbid an event, or use two patterns";
        diagnostics.error(marked.attribute, format!("`{}` is a group, which cannot be forbidden: {fix}", marked.ident));
    }
}
