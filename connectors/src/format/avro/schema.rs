//! Schemas, kept as long as the process runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use apache_avro::Schema;
use millstream::Result;

/// The schema that a text describes, the same one each time.
///
/// What reads and writes by a schema borrows it. There are few of them, and whoever has seen one will need it again:
/// so each is kept for good, once.
pub(super) fn interned(text: &str) -> Result<&'static Schema> {
    static SCHEMAS: Mutex<Option<HashMap<String, &'static Schema>>> = Mutex::new(None);
    let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let schemas = schemas.get_or_insert_default();
    if let Some(schema) = schemas.get(text) {
        return Ok(schema);
    }
    let schema = Schema::parse_str(text).map_err(|error| anyhow::anyhow!("no Avro schema: {error}"))?;
    let schema: &'static Schema = Box::leak(Box::new(schema));
    schemas.insert(text.to_owned(), schema);
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_kept_once() {
        let again = || interned(r#"{"type": "array", "items": "long"}"#).unwrap();
        assert!(std::ptr::eq(again(), again()));
        assert!(interned("{}").unwrap_err().to_string().starts_with("no Avro schema: "));
    }
}
