//! Inserts the rows of complete checkpoints, once.
//!
//! One transaction inserts rows and, into the table of markers, their ids; an id that is there already has rows that are,
//! too. So whatever is repeated, by whom, and how often, changes nothing.

use std::collections::HashSet;

use millstream::connector::{Committer, RecoverContext, SinkError};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query, query_as};

use super::super::client::Client;
use super::super::error::PgError;
use super::mode::Mode;
use super::{PgRows, Settings};

/// Beyond this the server's calendar ends: four thousand years.
const LONGEST_SECONDS: f64 = 126e9;

/// Commits what writers have prepared.
pub struct PgCommitter {
    settings: Settings,
    /// Connected, with the table of markers there; `None` before there is anything to commit.
    client: Option<Client>,
}

impl PgCommitter {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, client: None }
    }

    fn client(&mut self) -> Result<&mut Client, PgError> {
        match &mut self.client {
            Some(client) => Ok(client),
            none => {
                let mut client = Client::connect(self.settings.server.clone())?;
                make_markers(&mut client, &self.settings)?;
                Ok(none.insert(client))
            }
        }
    }

    fn commit_all(&mut self, rows: &[PgRows]) -> Result<(), PgError> {
        if rows.is_empty() {
            return Ok(());
        }
        let settings = self.settings.clone();
        let what = format!("committing {} batches to table `{}`", rows.len(), settings.table);
        self.client()?.run(&what, async |connection| insert_once(connection, &settings, rows).await)
    }

    /// Forgets old markers of a run's sink, except those of what a snapshot still describes.
    fn forget(&mut self, ctx: &RecoverContext, described: &[PgRows]) -> Result<(), PgError> {
        let Settings { markers, keep_markers, .. } = self.settings.clone();
        let statement = format!(
            "DELETE FROM {} WHERE run = $1 AND sink = $2 AND committed_at < now() - $3 * interval '1 second' \
             AND id <> ALL($4)",
            markers.sql()
        );
        let ids: Vec<&str> = described.iter().map(|rows| rows.id.as_str()).collect();
        self.client()?.run(&format!("tidying table `{markers}`"), async |connection| {
            let forget = query(AssertSqlSafe(statement.as_str()));
            let forget = forget
                .bind(&*ctx.run)
                .bind(&*ctx.sink)
                .bind(keep_markers.as_secs_f64().min(LONGEST_SECONDS))
                .bind(&ids);
            forget.execute(connection).await.map(drop)
        })
    }
}

async fn insert_once(connection: &mut PgConnection, settings: &Settings, rows: &[PgRows]) -> Result<(), sqlx::Error> {
    let markers = format!(
        "INSERT INTO {} (id, run, sink) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ORDER BY 1 \
         ON CONFLICT DO NOTHING RETURNING id",
        settings.markers.sql()
    );
    let column = |of: fn(&PgRows) -> &str| rows.iter().map(of).collect::<Vec<&str>>();
    let mut transaction = connection.begin().await?;
    let new: Vec<(String,)> = query_as(AssertSqlSafe(markers))
        .bind(column(|rows| &rows.id))
        .bind(column(|rows| &rows.run))
        .bind(column(|rows| &rows.sink))
        .fetch_all(&mut *transaction)
        .await?;
    let new: HashSet<&str> = new.iter().map(|(id,)| id.as_str()).collect();
    for PgRows { batch, .. } in rows.iter().filter(|rows| new.contains(rows.id.as_str())) {
        let insert = settings.mode.statement(&settings.table, &batch.columns);
        query(AssertSqlSafe(insert)).bind(batch.json()).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Makes the table of markers, if there is none. Another job may do so at the same time.
fn make_markers(client: &mut Client, settings: &Settings) -> Result<(), PgError> {
    let table = &settings.markers;
    if exists(client, settings)? {
        return Ok(());
    }
    let statement = format!(
        "CREATE TABLE IF NOT EXISTS {} (id text PRIMARY KEY, run text NOT NULL, sink text NOT NULL, \
         committed_at timestamptz NOT NULL DEFAULT now())",
        table.sql()
    );
    let made = client.run(&format!("making table `{table}`"), async |connection| {
        query(AssertSqlSafe(statement.as_str())).execute(connection).await.map(drop)
    });
    match made {
        Err(error) => exists(client, settings)?.then_some(()).ok_or(error),
        Ok(()) => Ok(()),
    }
}

fn exists(client: &mut Client, settings: &Settings) -> Result<bool, PgError> {
    let table = &settings.markers;
    let (found,): (bool,) = client.run(&format!("looking for table `{table}`"), async |connection| {
        query_as("SELECT to_regclass($1) IS NOT NULL").bind(table.sql()).fetch_one(connection).await
    })?;
    Ok(found)
}

impl Committer for PgCommitter {
    type Committable = PgRows;

    fn commit(&mut self, rows: Vec<PgRows>) -> Result<(), SinkError> {
        Ok(self.commit_all(&rows)?)
    }

    fn recover(&mut self, ctx: RecoverContext, restored: Vec<PgRows>) -> Result<(), SinkError> {
        self.commit_all(&restored)?;
        if self.settings.mode == Mode::ExactlyOnce {
            self.forget(&ctx, &restored)?;
        }
        Ok(())
    }
}
