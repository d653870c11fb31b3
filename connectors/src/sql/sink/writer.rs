//! Sends rows, or keeps them for their checkpoint.

use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{SinkContext, SinkError, SinkWriter};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, query};

use super::super::catalog::Columns;
use super::super::client::Client;
use super::super::error::{Kind, PgError};
use super::Settings;
use super::mode::Mode;
use super::rows::{Batch, PgRows, row};

/// How much of a row is shown.
const SHOWN_BYTES: usize = 300;

/// Writes the rows of one subtask.
pub struct PgWriter<T> {
    settings: Arc<Settings>,
    client: Client,
    columns: Columns,
    /// The batch that rows are added to.
    open: Option<Batch>,
    /// Batches that wait for their checkpoint.
    waiting: Vec<Batch>,
    ids: Ids,
    records: PhantomData<fn(T)>,
}

/// Names what one writer has prepared.
struct Ids {
    run: String,
    sink: String,
    subtask: usize,
    /// Random, so that no writer of another attempt has the same.
    token: u64,
    next: u64,
}

impl<T: Data> PgWriter<T> {
    pub(super) fn new(settings: Arc<Settings>, ctx: &SinkContext) -> Result<Self, SinkError> {
        let mut client = Client::connect(settings.server.clone())?;
        let columns = Columns::load(&mut client, &settings.table)?;
        columns.check(settings.mode.keys())?;
        columns.check(settings.columns.iter().flatten())?;
        let (run, sink) = (ctx.run.to_string(), ctx.sink.to_string());
        let token = RandomState::new().hash_one(ctx.subtask);
        let ids = Ids { run, sink, subtask: ctx.subtask, token, next: 0 };
        Ok(Self { settings, client, columns, open: None, waiting: Vec::new(), ids, records: PhantomData })
    }

    fn add(&mut self, record: &T) -> Result<(), SinkError> {
        let fields = row(record, self.settings.columns.as_deref()).map_err(|reason| self.rejected(reason))?;
        if self.open.as_ref().is_some_and(|open| !open.fits(&fields)) {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                self.check(&fields)?;
                self.open.insert(Batch::new(fields.keys().cloned().collect()))
            }
        };
        open.push(fields);
        if open.is_full(self.settings.batch_rows) { self.close() } else { Ok(()) }
    }

    /// Finds columns that are missing, on either side.
    fn check(&self, fields: &Map<String, Value>) -> Result<(), SinkError> {
        self.columns.check(fields.keys())?;
        match self.settings.mode.keys().iter().find(|key| !fields.contains_key(*key)) {
            Some(key) => Err(self.rejected(format!("it has no field `{key}`, which is part of the key"))),
            None => Ok(()),
        }
    }

    /// Sends the open batch, or puts it aside.
    fn close(&mut self) -> Result<(), SinkError> {
        match self.open.take() {
            None => Ok(()),
            Some(batch) if self.settings.mode == Mode::ExactlyOnce => {
                self.waiting.push(batch);
                Ok(())
            }
            Some(batch) => self.execute(&batch, true),
        }
    }

    /// Writes a batch; or tries whether it could be written, and takes it back.
    fn execute(&mut self, batch: &Batch, for_good: bool) -> Result<(), SinkError> {
        let done = self.send(batch, for_good);
        match done {
            Err(error) if error.kind == Kind::Data => {
                let (row, reason) = self.culprit(batch).unwrap_or((batch.json(), error.reason));
                Err(self.rejected(format!("{reason}, in the row {}", shown(&row))))
            }
            done => Ok(done?),
        }
    }

    fn send(&mut self, batch: &Batch, for_good: bool) -> Result<(), PgError> {
        let Settings { table, mode, .. } = &*self.settings;
        let (statement, json) = (mode.statement(table, &batch.columns), batch.json());
        self.client.run(&format!("writing to table `{table}`"), async |connection| {
            let mut transaction = connection.begin().await?;
            query(AssertSqlSafe(statement.as_str())).bind(&json).execute(&mut *transaction).await?;
            if for_good { transaction.commit().await } else { transaction.rollback().await }
        })
    }

    /// The first row of a batch that is refused by itself, and why.
    fn culprit(&mut self, batch: &Batch) -> Option<(String, String)> {
        batch.split().into_iter().find_map(|row| match self.send(&row, false) {
            Err(error) if error.kind == Kind::Data => Some((row.json(), error.reason)),
            _ => None,
        })
    }

    fn rejected(&self, reason: String) -> SinkError {
        let Settings { table, server, .. } = &*self.settings;
        SinkError::Rejected { target: format!("table `{table}` ({server})"), reason }
    }
}

/// The beginning of a row, without the brackets around it.
fn shown(json: &str) -> String {
    let row = json.trim_start_matches('[').trim_end_matches(']');
    match row.char_indices().find(|(at, _)| *at >= SHOWN_BYTES) {
        Some((at, _)) => format!("{}..", &row[..at]),
        None => row.to_owned(),
    }
}

impl Ids {
    fn next(&mut self, batch: Batch) -> PgRows {
        let Self { run, sink, subtask, token, next } = self;
        let id = format!("{run}/{sink}/{subtask}-{token:016x}-{next}");
        *next += 1;
        PgRows { id, run: run.clone(), sink: sink.clone(), batch }
    }
}

impl<T: Data> SinkWriter for PgWriter<T> {
    type In = T;
    type Committable = PgRows;

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        while let Some(record) = records.next_value() {
            self.add(&record)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.settings.mode == Mode::ExactlyOnce { Ok(()) } else { self.close() }
    }

    fn prepare_commit(&mut self) -> Result<Vec<PgRows>, SinkError> {
        self.close()?;
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().try_for_each(|batch| self.execute(batch, false))?;
        Ok(waiting.into_iter().map(|batch| self.ids.next(batch)).collect())
    }
}
