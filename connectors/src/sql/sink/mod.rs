//! The sink.

mod committer;
mod mode;
mod rows;
mod writer;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use millstream::Data;
use millstream::connector::{Guarantee, Sink, SinkContext, SinkError};

pub use committer::PgCommitter;
pub use rows::PgRows;
pub use writer::PgWriter;

use super::PgServer;
use super::table::Table;
use mode::Mode;

/// What the parts of a sink have in common.
#[derive(Debug, Clone)]
struct Settings {
    server: PgServer,
    table: Table,
    mode: Mode,
    /// The names of the fields of records that are tuples.
    columns: Option<Vec<String>>,
    batch_rows: usize,
    markers: Table,
    keep_markers: Duration,
}

/// Writes records into a table of PostgreSQL, each field into the column of its name. Columns that a record has no field for
/// get their defaults.
///
/// | made by | after a failure |
/// |---|---|
/// | [`PgSink::insert`] | at-least-once: rows may be there twice |
/// | [`PgSink::upsert`] | at-least-once, and idempotent: a row is there once per key, as it was last |
/// | [`PgSink::exactly_once`] | exactly-once: rows appear when their checkpoint is complete, all at once |
///
/// Rows travel in batches, and what may pass is tried again. A row that the table refuses fails the job, and is
/// named. The table must exist when the job starts.
///
/// ```
/// use millstream_connectors::sql::{PgServer, PgSink};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Count { word: String, count: i64 }
///
/// let server = PgServer::new("postgres://me@localhost/shop")?;
/// let counts = PgSink::<Count>::upsert(server, "counts", ["word"]);
/// # let _ = counts;
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct PgSink<T> {
    settings: Settings,
    records: PhantomData<fn(T)>,
}

impl<T> Clone for PgSink<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), records: PhantomData }
    }
}

impl<T: Data> PgSink<T> {
    /// How many rows are sent at once, at most, unless the sink says otherwise.
    pub const DEFAULT_BATCH_ROWS: usize = 1000;
    /// For how long it is remembered what has been committed, unless the sink says otherwise.
    pub const DEFAULT_KEEP_MARKERS: Duration = Duration::from_secs(30 * 24 * 3600);

    /// Inserts each record, as soon as it can.
    pub fn insert(server: PgServer, table: &str) -> Self {
        Self::with_mode(server, table, Mode::Insert)
    }

    /// Inserts each record, or replaces the row with the same key, as soon as it can. The table needs a unique index over exactly
    /// the columns of the key. Of records with one key the last counts; so that all of them are written by one subtask, key
    /// the stream by it.
    pub fn upsert<N: Into<String>>(server: PgServer, table: &str, key: impl IntoIterator<Item = N>) -> Self {
        let keys = key.into_iter().map(Into::into).collect();
        Self::with_mode(server, table, Mode::Upsert { keys })
    }

    /// Inserts each record once. Until a checkpoint is complete its rows are part of it, so checkpoints should not be far apart.
    /// Then all of them are inserted in one transaction, which also notes in a table of markers, made when it is
    /// missing, what it has inserted: so a transaction that is repeated changes nothing.
    ///
    /// Rows are inserted once before their checkpoint and taken back, so that a row that the table refuses fails the job
    /// before it is part of one.
    ///
    /// ```
    /// # use millstream_connectors::sql::{PgServer, PgSink};
    /// let server = PgServer::new("postgres://me@localhost/shop")?;
    /// let payments = PgSink::<(i64, String)>::exactly_once(server, "payments").columns(["cents", "account"]);
    /// # let _ = payments;
    /// # anyhow::Ok(())
    /// ```
    pub fn exactly_once(server: PgServer, table: &str) -> Self {
        Self::with_mode(server, table, Mode::ExactlyOnce)
    }

    fn with_mode(server: PgServer, table: &str, mode: Mode) -> Self {
        let settings = Settings {
            server,
            table: Table::new(table),
            mode,
            columns: None,
            batch_rows: Self::DEFAULT_BATCH_ROWS,
            markers: Table::new("millstream_commits"),
            keep_markers: Self::DEFAULT_KEEP_MARKERS,
        };
        Self { settings, records: PhantomData }
    }

    /// The columns that the elements of records go to, if these are tuples or sequences.
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.settings.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// How many rows are sent at once, at most.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.settings.batch_rows = rows.max(1);
        self
    }

    /// Where an exactly-once sink notes what it has committed, and for how long that is remembered: as long as the job may
    /// be gone on with from an old snapshot. Sinks may share a table.
    #[must_use]
    pub fn markers(mut self, table: &str, keep: Duration) -> Self {
        self.settings.markers = Table::new(table);
        self.settings.keep_markers = keep;
        self
    }
}

impl<T: Data> Sink for PgSink<T> {
    type In = T;
    type Committable = PgRows;
    type Writer = PgWriter<T>;
    type Committer = PgCommitter;

    fn name(&self) -> String {
        format!("postgres:{}", self.settings.table)
    }

    fn guarantee(&self) -> Guarantee {
        match self.settings.mode {
            Mode::ExactlyOnce => Guarantee::ExactlyOnce,
            Mode::Insert | Mode::Upsert { .. } => Guarantee::AtLeastOnce,
        }
    }

    fn writer(&self, ctx: SinkContext) -> Result<PgWriter<T>, SinkError> {
        PgWriter::new(Arc::new(self.settings.clone()), &ctx)
    }

    fn committer(&self) -> Result<PgCommitter, SinkError> {
        Ok(PgCommitter::new(self.settings.clone()))
    }
}
