//! What the server's catalog says of a table.

use sqlx::postgres::PgConnection;
use sqlx::query_as;

use super::client::Client;
use super::error::PgError;
use super::table::Table;

/// A table's columns, in order, with their types.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    what: String,
    columns: Vec<(String, String)>,
}

/// The columns of a relation that is named in the one way that a statement would name it.
const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute \
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// Whether an index, which may be a constraint's, keeps a column's values apart; and whether there are no NULLs.
const UNIQUE: &str = "SELECT a.attnotnull AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid \
     AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) \
     FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped";

impl Columns {
    /// Those of a table, which must exist.
    pub(super) fn load(client: &mut Client, table: &Table) -> Result<Self, PgError> {
        let what = format!("table `{table}` ({})", client.server());
        let columns = client
            .run(&format!("looking at table `{table}`"), async |connection| Self::query(connection, table).await)?;
        Self::existing(what, columns)
    }

    /// Those of a table, on a connection of one's own.
    pub(super) async fn load_on(connection: &mut PgConnection, table: &Table, what: String) -> Result<Self, PgError> {
        let columns = Self::query(connection, table).await.map_err(|error| PgError::new(&*what, &error))?;
        Self::existing(what, columns)
    }

    fn existing(what: String, columns: Vec<(String, String)>) -> Result<Self, PgError> {
        if columns.is_empty() {
            return Err(PgError::fatal(what, "there is none: create it, or check the name (case counts)"));
        }
        Ok(Self { what, columns })
    }

    async fn query(connection: &mut PgConnection, table: &Table) -> Result<Vec<(String, String)>, sqlx::Error> {
        query_as(COLUMNS).bind(table.sql()).fetch_all(connection).await
    }

    /// The type of a column, as part of a statement.
    pub(super) fn type_of(&self, column: &str) -> Result<&str, PgError> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        found.map(|(_, kind)| kind.as_str()).ok_or_else(|| {
            PgError::fatal(&*self.what, format!("there is no column `{column}`; it has {}", self.names().join(", ")))
        })
    }

    /// Fails, with its name, if one of these is no column.
    pub(super) fn check<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<(), PgError> {
        names.into_iter().try_for_each(|name| self.type_of(name).map(drop))
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Those that a type asks for by name; all, if it does not say.
    pub(super) fn wanted(&self, fields: Option<&[&str]>) -> Vec<String> {
        let is_wanted = |name: &&str| fields.is_none_or(|fields| fields.contains(name));
        let wanted: Vec<String> = self.names().into_iter().filter(is_wanted).map(str::to_owned).collect();
        // A row without any would be no JSON object.
        if wanted.is_empty() { self.names().into_iter().map(str::to_owned).collect() } else { wanted }
    }
}

/// Whether a column names each row.
pub(super) fn is_unique(client: &mut Client, table: &Table, column: &str) -> Result<bool, PgError> {
    let found: Option<(Option<bool>,)> = client
        .run(&format!("looking at the indexes of table `{table}`"), async |connection| {
            query_as(UNIQUE).bind(table.sql()).bind(column).fetch_optional(connection).await
        })?;
    Ok(matches!(found, Some((Some(true),))))
}
