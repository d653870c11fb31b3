//! Cuts a table into ranges of its key, and hands these out.

use std::collections::VecDeque;

use millstream::connector::{Assignment, Enumerator, ReaderContext, SourceError};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, query_as};

use super::super::catalog::{Columns, is_unique};
use super::super::client::Client;
use super::super::error::PgError;
use super::{PgSplit, Settings};

/// Hands out the ranges of a table, in the order of keys.
pub struct PgEnumerator {
    settings: Settings,
    state: PgEnumeratorState,
}

/// What a [`PgEnumerator`] remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PgEnumeratorState {
    /// Whether the table has been cut.
    discovered: bool,
    /// What has not been handed out.
    pending: VecDeque<PgSplit>,
}

impl PgEnumerator {
    pub(super) fn new(settings: Settings, restored: Option<PgEnumeratorState>) -> Self {
        Self { settings, state: restored.unwrap_or_default() }
    }

    fn cut(&self) -> Result<Vec<PgSplit>, PgError> {
        let Settings { server, table, key, split_rows, .. } = &self.settings;
        let mut client = Client::connect(server.clone())?;
        let columns = Columns::load(&mut client, table)?;
        let key_type = columns.type_of(key)?;
        if !is_unique(&mut client, table, key)? {
            let reason = format!(
                "its values need not be unique: the key needs a unique index, and NOT NULL; {key_type} is fine"
            );
            return Err(PgError::fatal(format!("column `{key}` of table `{table}` ({server})"), reason));
        }
        let statement = table.bounds(key);
        let firsts: Vec<(String,)> = client.run(&format!("cutting table `{table}`"), async |connection| {
            query_as(AssertSqlSafe(statement.as_str())).bind(*split_rows as i64).fetch_all(connection).await
        })?;
        Ok(PgSplit::cut(table, key, key_type, firsts.into_iter().map(|(first,)| first).collect()))
    }
}

impl Enumerator for PgEnumerator {
    type Split = PgSplit;
    type State = PgEnumeratorState;

    fn discover(&mut self) -> Result<(), SourceError> {
        if !self.state.discovered {
            self.state.pending.extend(self.cut()?);
            self.state.discovered = true;
        }
        Ok(())
    }

    fn next(&mut self, _reader: &ReaderContext) -> Assignment<PgSplit> {
        match self.state.pending.pop_front() {
            Some(split) => Assignment::Splits(vec![split]),
            None => Assignment::End,
        }
    }

    fn give_back(&mut self, splits: Vec<PgSplit>) {
        for split in splits.into_iter().rev() {
            self.state.pending.push_front(split);
        }
    }

    fn snapshot(&self) -> PgEnumeratorState {
        self.state.clone()
    }
}
