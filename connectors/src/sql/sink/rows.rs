//! Rows on their way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How many bytes are sent at once, at most; one row may always go.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// Rows with the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    /// Sorted.
    pub(super) columns: Vec<String>,
    /// The rows as a JSON array, but for the bracket that ends it.
    json: String,
    count: usize,
}

impl Batch {
    pub(super) fn new(columns: Vec<String>) -> Self {
        Self { columns, json: "[".to_owned(), count: 0 }
    }

    /// Whether a row has the same columns.
    pub(super) fn fits(&self, row: &Map<String, Value>) -> bool {
        self.columns.iter().eq(row.keys())
    }

    pub(super) fn push(&mut self, row: Map<String, Value>) {
        if self.count > 0 {
            self.json.push(',');
        }
        self.json.push_str(&Value::Object(row).to_string());
        self.count += 1;
    }

    pub(super) fn is_full(&self, max_rows: usize) -> bool {
        self.count >= max_rows || self.json.len() >= MAX_BATCH_BYTES
    }

    /// The rows as a JSON array.
    pub(super) fn json(&self) -> String {
        format!("{}]", self.json)
    }

    /// Each row by itself.
    pub(super) fn split(&self) -> Vec<Self> {
        let rows: Vec<Map<String, Value>> = serde_json::from_str(&self.json()).unwrap_or_default();
        let alone = |row| {
            let mut batch = Self::new(self.columns.clone());
            batch.push(row);
            batch
        };
        rows.into_iter().map(alone).collect()
    }
}

/// A record's fields by column.
pub(super) fn row<T: Serialize>(record: &T, columns: Option<&[String]>) -> Result<Map<String, Value>, String> {
    match (serde_json::to_value(record).map_err(|error| error.to_string())?, columns) {
        (Value::Object(fields), _) => Ok(fields),
        (Value::Array(values), Some(columns)) if values.len() == columns.len() => {
            Ok(columns.iter().cloned().zip(values).collect())
        }
        (Value::Array(values), Some(columns)) => {
            Err(format!("it has {} elements, where {} columns are named", values.len(), columns.len()))
        }
        (Value::Array(_), None) => {
            Err("its elements have no names: name their columns by `PgSink::columns`, or use a struct".to_owned())
        }
        (other, _) => Err(format!("it is {other}, where a row needs the fields of a struct")),
    }
}

/// Rows of an exactly-once sink that wait for their checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgRows {
    /// Names them in the table of markers; no others have the same.
    pub(super) id: String,
    /// The run and the sink that they are of.
    pub(super) run: String,
    pub(super) sink: String,
    pub(super) batch: Batch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Pair {
        b: u64,
        a: &'static str,
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_batch_takes_rows_with_its_columns_in_any_order() {
        let first = row(&Pair { b: 1, a: "x" }, None).unwrap();
        let mut batch = Batch::new(first.keys().cloned().collect());
        let second = row(&("y", 2), Some(&names(&["a", "b"]))).unwrap();
        assert!(batch.fits(&first) && batch.fits(&second));
        assert!(!batch.fits(&row(&(1,), Some(&names(&["a"]))).unwrap()));
        batch.push(first);
        batch.push(second);
        assert_eq!(batch.json(), r#"[{"a":"x","b":1},{"a":"y","b":2}]"#);
        assert!(batch.is_full(2) && !batch.is_full(3));
        assert_eq!(batch.split()[1].json(), r#"[{"a":"y","b":2}]"#);
    }

    #[test]
    fn what_is_no_row_is_refused_with_what_to_do() {
        assert!(row(&(1, 2), None).unwrap_err().contains("PgSink::columns"));
        assert_eq!(row(&(1, 2), Some(&names(&["a"]))).unwrap_err(), "it has 2 elements, where 1 columns are named");
        assert!(row(&7, None).unwrap_err().starts_with("it is 7"));
    }
}
