//! Statements about one table. Pure: names go in, text comes out.

use std::fmt;

/// The name of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// As it was given.
    name: String,
}

impl Table {
    /// A table, in a schema if there is a dot in its name. Names are as in the catalog: case counts.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The name as part of a statement.
    pub(super) fn sql(&self) -> String {
        self.name.split('.').map(quoted).collect::<Vec<_>>().join(".")
    }

    /// Inserts rows, given as a JSON array.
    pub(super) fn insert(&self, columns: &[String]) -> String {
        let (table, names) = (self.sql(), list(columns, ""));
        let values = list(columns, "r.");
        format!(
            "INSERT INTO {table} ({names}) SELECT {values} FROM json_populate_recordset(NULL::{table}, $1::json) AS r"
        )
    }

    /// Inserts rows, given as a JSON array, or replaces those with the same key. Of several with the same key the last
    /// counts; they are written in the order of their keys, so that two writers do not wait for each other.
    pub(super) fn upsert(&self, columns: &[String], keys: &[String]) -> String {
        let (table, names, values) = (self.sql(), list(columns, ""), list(columns, "r."));
        let (key_names, key_values) = (list(keys, ""), list(keys, "r."));
        let rest: Vec<String> = columns
            .iter()
            .filter(|column| !keys.contains(column))
            .map(|column| format!("{0} = EXCLUDED.{0}", quoted(column)))
            .collect();
        let action = if rest.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", rest.join(", ")) };
        format!(
            "INSERT INTO {table} ({names}) SELECT DISTINCT ON ({key_values}) {values} \
             FROM json_array_elements($1::json) WITH ORDINALITY AS e(value, n), \
             LATERAL json_populate_record(NULL::{table}, e.value) AS r \
             ORDER BY {key_values}, e.n DESC ON CONFLICT ({key_names}) DO {action}"
        )
    }

    /// The rows with a key, given as text, as JSON.
    pub(super) fn lookup(&self, columns: &[String], key: &str, key_type: &str) -> String {
        let (table, values, key) = (self.sql(), list(columns, "t."), quoted(key));
        format!(
            "SELECT row_to_json(r)::text FROM {table} AS t, LATERAL (SELECT {values}) AS r \
             WHERE t.{key} = $1::text::{key_type}"
        )
    }

    /// The first keys of ranges of so many rows, but for the first range.
    pub(super) fn bounds(&self, key: &str) -> String {
        let (table, key) = (self.sql(), quoted(key));
        format!(
            "SELECT k FROM (SELECT t.{key}::text AS k, row_number() OVER (ORDER BY t.{key}) - 1 AS n FROM {table} AS t) \
             AS numbered WHERE n > 0 AND n % $1 = 0 ORDER BY n"
        )
    }

    /// So many rows of a range as their keys and JSON, in the order of keys. The first parameters are the bounds that
    /// there are, the last is the number.
    pub(super) fn page(&self, columns: &[String], key: &str, key_type: &str, bounds: Bounds) -> String {
        let (table, values, key) = (self.sql(), list(columns, "t."), quoted(key));
        let mut conditions = Vec::new();
        let lower = match bounds.lower {
            Lower::None => None,
            Lower::From => Some(">="),
            Lower::After => Some(">"),
        };
        for operator in lower.into_iter().chain(bounds.has_upper.then_some("<")) {
            conditions.push(format!("t.{key} {operator} ${}::text::{key_type}", conditions.len() + 1));
        }
        let parameters = conditions.len();
        let condition =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        format!(
            "SELECT t.{key}::text, row_to_json(r)::text FROM {table} AS t, LATERAL (SELECT {values}) AS r {condition} \
             ORDER BY t.{key} LIMIT ${}",
            parameters + 1
        )
    }
}

/// Which bounds a range has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) lower: Lower,
    pub(super) has_upper: bool,
}

/// Where a range begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lower {
    /// With the first row.
    None,
    /// With a key.
    From,
    /// Behind a key.
    After,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A name as part of a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(columns: &[String], prefix: &str) -> String {
    columns.iter().map(|column| format!("{prefix}{}", quoted(column))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_quoted_whatever_is_in_them() {
        let insert = Table::new("sales.or\"der").insert(&names(&["a b", "c\"; DROP"]));
        assert!(
            insert.starts_with(r#"INSERT INTO "sales"."or""der" ("a b", "c""; DROP") SELECT r."a b", "#),
            "{insert}"
        );
    }

    #[test]
    fn an_upsert_replaces_all_but_the_key() {
        let upsert = Table::new("t").upsert(&names(&["a", "k", "b"]), &names(&["k"]));
        assert!(
            upsert.ends_with(r#"ON CONFLICT ("k") DO UPDATE SET "a" = EXCLUDED."a", "b" = EXCLUDED."b""#),
            "{upsert}"
        );
        assert!(Table::new("t").upsert(&names(&["k"]), &names(&["k"])).ends_with("DO NOTHING"));
    }

    #[test]
    fn a_page_has_a_parameter_for_each_bound_and_one_for_the_limit() {
        let page = |lower, has_upper| Table::new("t").page(&names(&["a"]), "k", "uuid", Bounds { lower, has_upper });
        assert!(page(Lower::None, false).ends_with(r#"AS r  ORDER BY t."k" LIMIT $1"#));
        let both = page(Lower::After, true);
        assert!(
            both.ends_with(r#"WHERE t."k" > $1::text::uuid AND t."k" < $2::text::uuid ORDER BY t."k" LIMIT $3"#),
            "{both}"
        );
        assert!(page(Lower::None, true).contains(r#"WHERE t."k" < $1::text::uuid ORDER"#));
        assert!(page(Lower::From, false).contains(r#"WHERE t."k" >= $1::text::uuid ORDER"#));
    }
}
