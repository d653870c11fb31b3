//! Requests of many documents, and what becomes of each. Pure.

use millstream::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::may_pass;

/// A document to be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) index: String,
    pub(super) id: Option<String>,
    /// The two lines that it is in a request.
    lines: Vec<u8>,
}

impl Document {
    pub(super) fn new<T: Serialize>(index: String, id: Option<String>, value: &T) -> Result<Self> {
        let action = match &id {
            Some(id) => json!({ "index": { "_index": index, "_id": id } }),
            None => json!({ "index": { "_index": index } }),
        };
        let mut lines = action.to_string().into_bytes();
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
        Ok(Self { index, id, lines })
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// The beginning of the document.
    pub(super) fn shown(&self, bytes: usize) -> String {
        let value = self.lines.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default().trim_ascii_end();
        String::from_utf8_lossy(&value[..value.len().min(bytes)]).into_owned()
    }
}

/// The body of a request.
pub(super) fn body(documents: &[Document]) -> Vec<u8> {
    documents.iter().flat_map(|document| &document.lines).copied().collect()
}

/// What has become of the documents of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Those to send again, in order.
    pub(super) again: Vec<Document>,
    /// Those that are refused for what they are, with the reason.
    pub(super) refused: Vec<(Document, String)>,
}

#[derive(Deserialize)]
struct Reply {
    errors: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Indexed,
}

#[derive(Deserialize)]
struct Indexed {
    status: u16,
    error: Option<serde_json::Value>,
}

/// Reads a reply to these documents; an error if it is none.
///
/// Behind a document that is to be sent again, so are all with its id: else an older one would replace a newer.
pub(super) fn outcome(documents: Vec<Document>, reply: &str) -> Result<Outcome, String> {
    let reply: Reply = serde_json::from_str(reply).map_err(|error| format!("no answer to a bulk request: {error}"))?;
    if reply.items.len() != documents.len() {
        return Err(format!("an answer to {} documents, where {} were sent", reply.items.len(), documents.len()));
    }
    let mut outcome = Outcome::default();
    if !reply.errors {
        return Ok(outcome);
    }
    for (document, Item { index: Indexed { status, error } }) in documents.into_iter().zip(reply.items) {
        let follows =
            |earlier: &Document| earlier.id.is_some() && earlier.id == document.id && earlier.index == document.index;
        let is_success = (200..300).contains(&status);
        if may_pass(status) || is_success && outcome.again.iter().any(follows) {
            outcome.again.push(document);
        } else if !is_success {
            outcome.refused.push((document, format!("status {status}: {}", reason(error))));
        }
    }
    Ok(outcome)
}

/// What an error says, with what it was caused by.
fn reason(error: Option<serde_json::Value>) -> String {
    let Some(error) = error else { return "no reason given".to_owned() };
    let text = |error: &serde_json::Value| error["reason"].as_str().map(str::to_owned);
    match (text(&error), text(&error["caused_by"])) {
        (Some(reason), Some(cause)) => format!("{reason} ({cause})"),
        (Some(reason), None) => reason,
        (None, _) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: &str) -> Document {
        Document::new("i".to_owned(), (!id.is_empty()).then(|| id.to_owned()), &7).unwrap()
    }

    /// Documents by id and the status each is answered with; which are to be sent again, and which are refused.
    #[track_caller]
    fn check(answers: &[(&str, u16)], again: &[&str], refused: &[&str]) {
        let items: Vec<_> = answers.iter().map(|(_, status)| json!({ "index": { "status": status } })).collect();
        let reply = json!({ "errors": answers.iter().any(|(_, status)| *status >= 300), "items": items }).to_string();
        let found = outcome(answers.iter().map(|(id, _)| document(id)).collect(), &reply).unwrap();
        let id = |document: &Document| document.id.clone().unwrap_or_default();
        assert_eq!(found.again.iter().map(id).collect::<Vec<_>>(), again);
        assert_eq!(found.refused.iter().map(|(document, _)| id(document)).collect::<Vec<_>>(), refused);
    }

    #[test]
    fn each_document_has_an_outcome_of_its_own() {
        check(&[("a", 201), ("b", 200)], &[], &[]);
        check(&[("a", 201), ("b", 429), ("c", 400), ("d", 503)], &["b", "d"], &["c"]);
    }

    #[test]
    fn a_document_does_not_overtake_an_older_one_with_its_id() {
        check(&[("a", 429), ("b", 200), ("a", 200), ("", 429), ("", 200)], &["a", "a", ""], &[]);
    }

    #[test]
    fn a_document_is_two_lines() {
        let body = body(&[document("a\"b"), document("")]);
        let expected = "{\"index\":{\"_id\":\"a\\\"b\",\"_index\":\"i\"}}\n7\n{\"index\":{\"_index\":\"i\"}}\n7\n";
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(outcome(vec![document("a")], "<html>").unwrap_err().starts_with("no answer to a bulk request"));
        let reply = r#"{"errors": false, "items": []}"#;
        assert_eq!(outcome(vec![document("a")], reply).unwrap_err(), "an answer to 0 documents, where 1 were sent");
    }
}
