//! The source.

mod enumerator;
mod reader;
mod split;

use std::marker::PhantomData;
use std::sync::Arc;

use millstream::Data;
use millstream::connector::{Boundedness, ReaderContext, Source, SourceError};

pub use enumerator::{PgEnumerator, PgEnumeratorState};
pub use reader::PgReader;
pub use split::PgSplit;

use super::PgServer;
use super::table::Table;
use crate::format::Malformed;

/// What the parts of a source have in common.
#[derive(Debug, Clone)]
struct Settings {
    server: PgServer,
    table: Table,
    key: String,
    split_rows: u64,
    on_malformed: Malformed,
}

/// Reads the rows of a table or a view of PostgreSQL, once. Readers share it by ranges of a key, and read a page of rows at
/// a time, in the order of the key; so nothing is kept open on the server, and a reader goes on behind the last key that it
/// has read.
///
/// * The key is a column that names each row: with a unique index, and without NULLs. It may be of any type with an order.
/// * The type's fields are found by name; columns that it does not have are not read.
/// * Each page shows the table as it is then: rows that change while the job runs may be read as they were or as they are.
///
/// ```
/// use millstream_connectors::sql::{PgServer, PgSource};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Order { id: i64, placed: String, cents: Option<i64> }
///
/// let server = PgServer::new("postgres://me@localhost/shop")?;
/// let orders = PgSource::<Order>::table(server, "sales.orders", "id");
/// # let _ = orders;
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct PgSource<T> {
    settings: Settings,
    records: PhantomData<fn() -> T>,
}

impl<T> Clone for PgSource<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), records: PhantomData }
    }
}

impl<T: Data> PgSource<T> {
    /// How many rows a split has, unless the source says otherwise.
    pub const DEFAULT_SPLIT_ROWS: u64 = 100_000;

    /// The rows of a table, by a key.
    pub fn table(server: PgServer, table: &str, key: &str) -> Self {
        let settings = Settings {
            server,
            table: Table::new(table),
            key: key.to_owned(),
            split_rows: Self::DEFAULT_SPLIT_ROWS,
            on_malformed: Malformed::default(),
        };
        Self { settings, records: PhantomData }
    }

    /// How many rows a split has, as of when the job starts.
    #[must_use]
    pub fn split_rows(mut self, rows: u64) -> Self {
        // Counted by the server in signed numbers.
        self.settings.split_rows = rows.clamp(1, i64::MAX as u64);
        self
    }

    /// What is done with a row that does not fit the type; unless this is called, the job fails.
    #[must_use]
    pub fn on_malformed(mut self, policy: Malformed) -> Self {
        self.settings.on_malformed = policy;
        self
    }
}

impl<T: Data> Source for PgSource<T> {
    type Out = T;
    type Split = PgSplit;
    type Enumerator = PgEnumerator;
    type Reader = PgReader<T>;

    fn name(&self) -> String {
        format!("postgres:{}", self.settings.table)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(&self, restored: Option<PgEnumeratorState>) -> Result<PgEnumerator, SourceError> {
        Ok(PgEnumerator::new(self.settings.clone(), restored))
    }

    fn reader(&self, _ctx: ReaderContext) -> Result<PgReader<T>, SourceError> {
        Ok(PgReader::new(Arc::new(self.settings.clone())))
    }
}
