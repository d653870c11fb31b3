//! Reads ranges, a page at a time.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;

use millstream::Data;
use millstream::connector::{Read, ReadBuffer, Reader, SourceError, Split};
use millstream::time::Timestamp;
use sqlx::{AssertSqlSafe, query_as};

use super::super::catalog::Columns;
use super::super::client::Client;
use super::super::error::PgError;
use super::{PgSplit, Settings};
use crate::format::fields::field_names;
use crate::format::{Fault, Json};

/// Reads the rows of a table.
pub struct PgReader<T> {
    settings: Arc<Settings>,
    /// With the columns to read; made by the first read.
    connected: Option<(Client, Vec<String>)>,
    /// The first of them is being read.
    splits: VecDeque<PgSplit>,
    records: PhantomData<fn() -> T>,
}

impl<T: Data> PgReader<T> {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, connected: None, splits: VecDeque::new(), records: PhantomData }
    }

    /// So many rows of a split, as keys and JSON.
    fn page(&mut self, split: &PgSplit, limit: usize) -> Result<Vec<(String, String)>, PgError> {
        let Settings { server, table, key, .. } = &*self.settings;
        let (client, columns) = match &mut self.connected {
            Some(connected) => connected,
            none => {
                let mut client = Client::connect(server.clone())?;
                let columns = Columns::load(&mut client, table)?.wanted(field_names::<T>());
                none.insert((client, columns))
            }
        };
        let (bounds, keys) = split.rest();
        let statement = table.page(columns, key, &split.key_type, bounds);
        client.run(&format!("reading table `{table}`"), async |connection| {
            let mut page = query_as(AssertSqlSafe(statement.as_str()));
            for key in &keys {
                page = page.bind(*key);
            }
            page.bind(limit as i64).fetch_all(connection).await
        })
    }

    fn push(&self, number: u64, key: &str, json: &str, out: &mut ReadBuffer<T>) -> Result<(), SourceError> {
        match Json::value(json.as_bytes()) {
            Ok(value) => {
                out.push_from(value, Timestamp::MIN, number, json.len());
                Ok(())
            }
            Err(fault) => {
                let Settings { table, key: column, on_malformed, .. } = &*self.settings;
                let place = |_: &Fault| format!("table `{table}`, the row with `{column}` = {key}");
                // Where in the JSON it is tells nobody anything: the field has a name.
                on_malformed.settle(Fault::new(fault.reason).into(), json.as_bytes(), place, out)
            }
        }
    }
}

impl<T: Data> Reader for PgReader<T> {
    type Out = T;
    type Split = PgSplit;

    fn add(&mut self, split: PgSplit) -> Result<(), SourceError> {
        self.splits.push_back(split);
        Ok(())
    }

    fn read(&mut self, out: &mut ReadBuffer<T>) -> Result<Read, SourceError> {
        let Some(mut split) = self.splits.pop_front() else { return Ok(Read::NoSplits) };
        let id = split.shared_id();
        let limit = out.room().max(1);
        let page = self.page(&split, limit)?;
        let is_last = page.len() < limit;
        for (key, json) in page {
            let number = split.pass(key.clone());
            self.push(number, &key, &json, out)?;
        }
        if is_last {
            return Ok(Read::EndOf(id));
        }
        self.splits.push_front(split);
        Ok(Read::From(id))
    }

    fn position(&self, split: &str) -> Option<PgSplit> {
        self.splits.iter().find(|own| own.id() == split).cloned()
    }
}
