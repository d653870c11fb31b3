//! Changes of rows, as Debezium captures them from a database's log.
//!
//! A message is an envelope, `{"op": "u", "before": .., "after": .., "source": ..}`, by itself or, where Kafka Connect
//! sends schemas along, as the `payload` beside a `schema`.

use std::marker::PhantomData;

use millstream::{Data, Result};
use serde::{Deserialize, Serialize};

use super::{DeserializationSchema, DeserializeError, Fault, Json, SerializationSchema};

/// What has become of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change<T> {
    /// It was there when capturing began (`r`).
    Read(T),
    /// It has been inserted (`c`).
    Create(T),
    /// It has been changed (`u`).
    Update {
        /// What it was, if the database's log holds that.
        before: Option<T>,
        /// What it is.
        after: T,
    },
    /// It has been deleted (`d`): what it was.
    Delete(T),
}

impl<T> Change<T> {
    /// The row as it is now; `None` if it is no more.
    ///
    /// ```
    /// # use millstream_connectors::format::Change;
    /// assert_eq!(Change::Update { before: Some(1), after: 2 }.after(), Some(&2));
    /// ```
    pub fn after(&self) -> Option<&T> {
        match self {
            Self::Read(row) | Self::Create(row) | Self::Update { after: row, .. } => Some(row),
            Self::Delete(_) => None,
        }
    }

    /// The row as it was; `None` if it was not, or if that is not known.
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::Update { before, .. } => before.as_ref(),
            Self::Delete(row) => Some(row),
            Self::Read(_) | Self::Create(_) => None,
        }
    }
}

/// Makes a [`Change`] of Debezium's JSON envelope, and the reverse.
///
/// Tombstones (empty messages, which follow a deletion so that Kafka can forget the key) and what is no change of a row
/// (`m`, a message in the database's log) have no record. A table that was truncated (`t`) is malformed, since no record
/// can say which rows are gone.
///
/// ```
/// use millstream_connectors::format::{Change, DebeziumJson, DeserializationSchema};
///
/// let mut changes = DebeziumJson::<(u64, String)>::new();
/// let change = changes.deserialize(br#"{"op": "c", "before": null, "after": [1, "a"]}"#)?;
/// assert_eq!(change, Some(Change::Create((1, "a".to_owned()))));
/// # Ok::<(), millstream_connectors::format::DeserializeError>(())
/// ```
#[derive(Debug)]
pub struct DebeziumJson<T>(PhantomData<fn() -> T>);

impl<T> DebeziumJson<T> {
    /// The format; there is nothing to set.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for DebeziumJson<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for DebeziumJson<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

/// The operation alone: it decides whether the rest is to be looked at.
#[derive(Deserialize)]
struct Operation {
    op: Option<String>,
    payload: Option<Box<Operation>>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    #[serde(default = "none")]
    before: Option<T>,
    #[serde(default = "none")]
    after: Option<T>,
    #[serde(skip_deserializing)]
    op: &'static str,
}

/// Spares the rows' type a default.
fn none<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Enclosed<T> {
    payload: Envelope<T>,
}

/// The parts of an envelope's rows that an operation must have.
fn required<T>(row: Option<T>, name: &str, op: &str, hint: &str) -> Result<T, Fault> {
    row.ok_or_else(|| Fault::new(format!("field `{name}`: there is none in a change of kind `{op}`{hint}")))
}

const NO_BEFORE: &str = ": let the database's log hold whole rows (in PostgreSQL, REPLICA IDENTITY FULL)";

impl<T: Data> DebeziumJson<T> {
    fn change(message: &[u8]) -> Result<Option<Change<T>>, Fault> {
        let operation = Json::<Operation>::value(message)?;
        let (operation, enclosed) = match operation.payload {
            Some(payload) => (*payload, true),
            None => (operation, false),
        };
        let Some(op) = operation.op else {
            return Err(Fault::new("field `op`: there is none, is this Debezium's envelope?"));
        };
        match op.as_str() {
            "c" | "r" | "u" | "d" => {}
            "m" => return Ok(None),
            "t" => return Err(Fault::new("field `op`: the table was truncated, and nothing says of which rows")),
            _ => return Err(Fault::new(format!("field `op`: `{op}` is none of `c`, `r`, `u`, `d`, `m` and `t`"))),
        }
        let envelope = if enclosed {
            Json::<Enclosed<T>>::value(message).map(|enclosed| enclosed.payload)
        } else {
            Json::<Envelope<T>>::value(message)
        };
        let Envelope { before, after, .. } = envelope.map_err(|fault| with_hint(fault, &op))?;
        Ok(Some(match op.as_str() {
            "c" => Change::Create(required(after, "after", &op, "")?),
            "r" => Change::Read(required(after, "after", &op, "")?),
            "u" => Change::Update { before, after: required(after, "after", &op, "")? },
            _ => Change::Delete(required(before, "before", &op, NO_BEFORE)?),
        }))
    }
}

/// Where the log holds nothing but keys of rows that were, they lack their other fields.
fn with_hint(fault: Fault, op: &str) -> Fault {
    let of_before = fault.reason.contains("`before") || fault.reason.contains("`payload.before");
    if of_before && matches!(op, "u" | "d") {
        return Fault { reason: format!("{}{NO_BEFORE}", fault.reason), ..fault };
    }
    fault
}

impl<T: Data> DeserializationSchema for DebeziumJson<T> {
    type Out = Change<T>;

    fn deserialize(&mut self, message: &[u8]) -> Result<Option<Change<T>>, DeserializeError> {
        if message.is_empty() || message == b"null" {
            return Ok(None);
        }
        Ok(Self::change(message)?)
    }
}

impl<T: Serialize + 'static> SerializationSchema<Change<T>> for DebeziumJson<T> {
    fn serialize(&mut self, value: &Change<T>, out: &mut Vec<u8>) -> Result<()> {
        let op = match value {
            Change::Read(_) => "r",
            Change::Create(_) => "c",
            Change::Update { .. } => "u",
            Change::Delete(_) => "d",
        };
        serde_json::to_writer(out, &Envelope { before: value.before(), after: value.after(), op })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Row {
        id: u64,
        name: String,
    }

    fn row(name: &str) -> Row {
        Row { id: 7, name: name.to_owned() }
    }

    #[track_caller]
    fn check(message: &str, expected: Option<Change<Row>>) {
        assert_eq!(DebeziumJson::new().deserialize(message.as_bytes()).unwrap(), expected);
    }

    #[track_caller]
    fn check_fault(message: &str, reason: &str) {
        let fault = DebeziumJson::<Row>::new().deserialize(message.as_bytes()).unwrap_err().to_string();
        assert!(fault.starts_with(reason), "{fault}");
    }

    const ROW: &str = r#"{"id":7,"name":"a"}"#;

    #[test]
    fn every_operation_is_told_with_or_without_schemas() {
        let source = r#""source":{"version":"2.7","ts_ms":1},"ts_ms":2"#;
        let cases = [
            (format!(r#""op":"r","before":null,"after":{ROW}"#), Change::Read(row("a"))),
            (format!(r#""op":"c","after":{ROW}"#), Change::Create(row("a"))),
            (format!(r#""op":"u","before":null,"after":{ROW}"#), Change::Update { before: None, after: row("a") }),
            (
                format!(r#""op":"u","before":{{"id":7,"name":"b"}},"after":{ROW}"#),
                Change::Update { before: Some(row("b")), after: row("a") },
            ),
            (format!(r#""op":"d","before":{ROW},"after":null"#), Change::Delete(row("a"))),
        ];
        for (fields, change) in cases {
            check(&format!("{{{fields},{source}}}"), Some(change.clone()));
            check(&format!(r#"{{"schema":{{"type":"struct"}},"payload":{{{source},{fields}}}}}"#), Some(change));
        }
    }

    #[test]
    fn tombstones_and_messages_in_the_log_have_no_record() {
        for message in ["", "null", r#"{"op":"m","message":{"prefix":"p"}}"#] {
            check(message, None);
        }
    }

    #[test]
    fn a_fault_names_the_field_and_what_to_do() {
        check_fault(r#"{"id":7}"#, "field `op`: there is none");
        check_fault(r#"{"op":"x"}"#, "field `op`: `x` is none of");
        check_fault(r#"{"op":"t"}"#, "field `op`: the table was truncated");
        check_fault(r#"{"op":"c","before":null}"#, "field `after`: there is none in a change of kind `c`");
        check_fault(r#"{"op":"d","before":null}"#, "field `before`: there is none in a change of kind `d`: let");
        check_fault(r#"{"op":"c","after":{"id":"7","name":"a"}}"#, "field `after.id`: invalid type: string \"7\"");
        let keys_only = r#"{"op":"d","before":{"id":7},"after":null}"#;
        check_fault(keys_only, "field `before`: missing field `name`: let the database's log hold whole rows");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let update = Change::Update { before: Some(row("a")), after: row("b") };
        for change in [Change::Read(row("a")), Change::Create(row("a")), update, Change::Delete(row("a"))] {
            let mut message = Vec::new();
            DebeziumJson::new().serialize(&change, &mut message).unwrap();
            check(std::str::from_utf8(&message).unwrap(), Some(change));
        }
    }
}
