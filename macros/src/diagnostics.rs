//! Collects what is wrong with an annotation, so that all of it is reported at once.
//!
//! Every message says what was found, what is allowed and what to write instead, and stands on the offending token.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far. Must be turned into tokens by [`Diagnostics::into_errors`]: dropping them would hide them.
pub(crate) struct Diagnostics {
    errors: Option<syn::Error>,
    reported: bool,
}

impl Diagnostics {
    /// No errors yet.
    pub(crate) fn new() -> Self {
        Self { errors: None, reported: false }
    }

    /// Reports an error on `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Reports an error at `span`, where there is no token to stand on.
    pub(crate) fn error_at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    /// Takes over an error of the parser.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// The value, or `None` with its error reported.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Whether nothing has been reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_none()
    }

    /// One `compile_error!` per error; nothing if there was none.
    pub(crate) fn into_errors(mut self) -> TokenStream {
        self.reported = true;
        self.errors.take().map(|errors| errors.to_compile_error()).unwrap_or_default()
    }

    /// The messages, for unit tests.
    #[cfg(test)]
    pub(crate) fn into_messages(mut self) -> Vec<String> {
        self.reported = true;
        self.errors.take().into_iter().flatten().map(|error| error.to_string()).collect()
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        assert!(self.reported || std::thread::panicking(), "invariant: errors are reported before they are dropped");
    }
}

/// Words as a list in running text: "`a`, `b` or `c`".
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The candidate that `found` is most likely a misspelling of, if any is close.
pub(crate) fn closest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (found.len() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(found, candidate), candidate));
    near.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// How many letters have to be changed, added or removed to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_recognised_and_another_word_is_not() {
        let known = ["window", "trigger", "uid"];
        assert_eq!(closest("windw", known), Some("window"));
        assert_eq!(closest("triger", known), Some("trigger"));
        assert_eq!(closest("colour", known), None);
    }

    #[test]
    fn a_list_of_words_reads_as_text() {
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(one_of(["a"]), "`a`");
    }

    #[test]
    #[should_panic(expected = "errors are reported")]
    fn dropping_errors_unreported_is_a_bug() {
        drop(Diagnostics::new());
    }
}
