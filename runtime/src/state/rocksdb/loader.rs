//! Loading many rows that come in order.

use std::path::PathBuf;

use rocksdb::{IngestExternalFileOptions, Options, SstFileWriter};

use super::database::Database;
use super::key::join_key;
use super::reader::read_files;
use crate::state::{FileSet, KeyGroups, StateError};

/// How large a table is made.
const TABLE: u64 = 64 << 20;

/// Makes tables of rows that come in order, and gives them to a database as they are: nothing is written twice.
pub(super) struct Loader<'db> {
    database: &'db Database,
    options: Options,
    tables: Vec<PathBuf>,
}

impl<'db> Loader<'db> {
    pub(super) fn new(database: &'db Database, options: Options) -> Self {
        Self { database, options, tables: Vec::new() }
    }

    /// Copies the rows of some key groups out of file sets that are ordered by key group and do not overlap.
    pub(super) fn load(mut self, sets: &[&FileSet], groups: KeyGroups) -> Result<(), StateError> {
        for set in sets {
            self.copy(set, groups)?;
        }
        if self.tables.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.database
            .db
            .ingest_external_file_opts(&options, self.tables)
            .map_err(|error| store_error(self.database, error))
    }

    fn copy(&mut self, set: &FileSet, groups: KeyGroups) -> Result<(), StateError> {
        let database = self.database;
        let mut table: Option<SstFileWriter<'_>> = None;
        let mut key = Vec::new();
        read_files(set, groups, |group, user_key, row| {
            join_key(group, user_key, &mut key);
            if let Some(full) = table.take_if(|table| table.file_size() >= TABLE) {
                finish(database, full)?;
            }
            let table = match &mut table {
                Some(table) => table,
                None => {
                    let path = database.directory.path().join(format!("load-{}.sst", self.tables.len()));
                    let new = SstFileWriter::create(&self.options);
                    new.open(&path).map_err(|error| store_error(database, error))?;
                    self.tables.push(path);
                    table.insert(new)
                }
            };
            table.put(&key, row).map_err(|error| store_error(database, error))
        })?;
        table.map_or(Ok(()), |table| finish(database, table))
    }
}

fn finish(database: &Database, mut table: SstFileWriter<'_>) -> Result<(), StateError> {
    table.finish().map_err(|error| store_error(database, error))
}

fn store_error(database: &Database, error: rocksdb::Error) -> StateError {
    StateError::store(database.path(), "cannot be loaded", error)
}
