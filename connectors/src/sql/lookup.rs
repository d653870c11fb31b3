//! Rows that are looked up for records.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use millstream::operator::{AsyncContext, AsyncFunction};
use millstream::time::Timestamp;
use millstream::{Data, Result};
use moka::future::Cache;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, query_as};

use super::PgServer;
use super::catalog::Columns;
use super::client::connect;
use super::error::{Kind, PgError};
use super::table::Table;
use crate::format::Json;
use crate::format::fields::field_names;

/// Puts to each record the rows of a table that have its key: an [`AsyncFunction`] that gives pairs.
///
/// Rows are kept for a while, also that there are none, if [`PgLookup::cache`] is called; lookups of one key at the same time
/// are one. What may pass is tried again.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::sql::{PgLookup, PgServer};
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Order { id: i64, customer: i64 }
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Customer { id: i64, name: String }
///
/// let server = PgServer::new("postgres://me@localhost/shop")?;
/// let customers = PgLookup::<Order, Customer>::table(server, "customers", "id", |order| order.customer)
///     .cache(10_000, Duration::from_secs(60));
/// // orders.process_async("customers", customers, AsyncOptions::ordered()).map(|(order, customers)| ..)
/// # let _ = customers;
/// # anyhow::Ok(())
/// ```
pub struct PgLookup<T, R> {
    server: PgServer,
    table: Table,
    column: Arc<str>,
    key: Arc<dyn Fn(&T) -> String + Send + Sync>,
    cache: Option<(u64, Duration)>,
    connections: u32,
    /// Made when the subtask opens.
    open: Option<Open<R>>,
}

struct Open<R> {
    pool: PgPool,
    statement: Arc<str>,
    /// What is done, for messages.
    what: Arc<str>,
    rows: Option<Cache<String, Known<R>>>,
    records: PhantomData<fn() -> R>,
}

/// Rows, as they were at a time.
struct Known<R> {
    at: Timestamp,
    rows: Arc<Vec<R>>,
}

impl<R> Clone for Known<R> {
    fn clone(&self) -> Self {
        Self { at: self.at, rows: Arc::clone(&self.rows) }
    }
}

impl<T: Data, R: Data> PgLookup<T, R> {
    /// How many connections each subtask has, unless the lookup says otherwise.
    pub const DEFAULT_CONNECTIONS: u32 = 4;

    /// The rows of a table whose `column` is the key of a record. There should be an index over the column.
    pub fn table<K: ToString>(
        server: PgServer,
        table: &str,
        column: &str,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Self {
        Self {
            server,
            table: Table::new(table),
            column: column.into(),
            key: Arc::new(move |record| key(record).to_string()),
            cache: None,
            connections: Self::DEFAULT_CONNECTIONS,
            open: None,
        }
    }

    /// Keeps the rows of so many keys per subtask, for so long.
    #[must_use]
    pub fn cache(mut self, keys: u64, time: Duration) -> Self {
        self.cache = Some((keys, time));
        self
    }

    /// How many connections each subtask has: so many lookups go on at once.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    async fn start(&self) -> Result<Open<R>, PgError> {
        let Self { server, table, column, .. } = self;
        let what = format!("looking up table `{table}` by `{column}` ({server})");
        // By itself first: a pool would only say that it has waited too long.
        let mut connection = connect(server).await.map_err(|error| PgError::new(&*what, &error))?;
        let columns = Columns::load_on(&mut connection, table, format!("table `{table}` ({server})")).await?;
        let key_type = columns.type_of(column)?;
        let statement = table.lookup(&columns.wanted(field_names::<R>()), column, key_type);
        let pool = PgPoolOptions::new().max_connections(self.connections).acquire_timeout(server.timeout);
        Ok(Open {
            pool: pool.connect_lazy_with(server.options().clone()),
            statement: statement.into(),
            what: what.into(),
            rows: self.cache.map(|(keys, _)| Cache::new(keys)),
            records: PhantomData,
        })
    }

    fn is_fresh(&self, known: &Known<R>, now: Timestamp) -> bool {
        self.cache.is_some_and(|(_, time)| known.at.saturating_add(time) > now)
    }
}

impl<R: Data> Open<R> {
    async fn query(&self, server: &PgServer, key: &str) -> Result<Vec<R>> {
        let mut pauses = server.pauses();
        loop {
            let found = query_as::<_, (String,)>(AssertSqlSafe(&*self.statement)).bind(key).fetch_all(&self.pool);
            let found = match tokio::time::timeout(server.timeout, found).await {
                Ok(found) => found.map_err(|error| PgError::new(&*self.what, &error)),
                Err(_) => Err(PgError::fatal(&*self.what, format!("no answer within {:?}", server.timeout))),
            };
            let error = match found {
                Ok(rows) => return rows.iter().map(|(json,)| self.row(key, json)).collect(),
                Err(error) => error,
            };
            let pause = if error.kind == Kind::Transient { pauses.next() } else { None };
            let Some(pause) = pause else { return Err(error.into()) };
            tokio::time::sleep(pause).await;
        }
    }

    fn row(&self, key: &str, json: &str) -> Result<R> {
        Json::value(json.as_bytes())
            .map_err(|fault| anyhow::anyhow!("{}: a row of key {key}: {}", self.what, fault.reason))
    }
}

impl<T: Data, R: Data> AsyncFunction for PgLookup<T, R> {
    type In = T;
    type Out = (T, Vec<R>);

    async fn open(&mut self, _ctx: &AsyncContext) -> Result<()> {
        self.open = Some(self.start().await?);
        Ok(())
    }

    async fn call(&self, value: T, ctx: &AsyncContext) -> Result<Vec<(T, Vec<R>)>> {
        let open = self.open.as_ref().ok_or_else(|| anyhow::anyhow!("a lookup is opened before it is asked"))?;
        let key = (self.key)(&value);
        let Some(cache) = &open.rows else {
            let rows = open.query(&self.server, &key).await?;
            return Ok(vec![(value, rows)]);
        };
        let now = ctx.processing_time();
        if cache.get(&key).await.is_some_and(|known| !self.is_fresh(&known, now)) {
            cache.invalidate(&key).await;
        }
        let load = async {
            let rows = open.query(&self.server, &key).await?;
            anyhow::Ok(Known { at: now, rows: Arc::new(rows) })
        };
        let known = cache.try_get_with_by_ref(&key, load).await;
        let known = known.map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(vec![(value, known.rows.to_vec())])
    }

    async fn close(&self, _ctx: &AsyncContext) -> Result<()> {
        if let Some(open) = &self.open {
            open.pool.close().await;
        }
        Ok(())
    }
}

impl<T, R> Clone for PgLookup<T, R> {
    /// A lookup that is not open.
    fn clone(&self) -> Self {
        Self {
            server: self.server.clone(),
            table: self.table.clone(),
            column: Arc::clone(&self.column),
            key: Arc::clone(&self.key),
            cache: self.cache,
            connections: self.connections,
            open: None,
        }
    }
}

impl<T, R> fmt::Debug for PgLookup<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgLookup").field("server", &self.server).field("table", &self.table).finish_non_exhaustive()
    }
}
