//! A database from a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::RocksDb;
use super::database::{Changes, Database, new_directory};
use super::key::join_key;
use super::link::{is_immutable, link};
use super::loader::Loader;
use crate::state::{ExpiryFilters, FileSet, KeyGroups, OperatorSnapshot, StateError, decode};

/// Rows of a snapshot of the heap are written in steps of so many bytes.
const STEP: usize = 1 << 20;

/// The rows that a snapshot has of some key groups, whichever backend has written it and at whatever parallelism.
pub(crate) fn restore(
    shared: &Arc<RocksDb>,
    expired: Option<ExpiryFilters>,
    from: &OperatorSnapshot,
    section: &str,
    groups: KeyGroups,
) -> Result<Database, StateError> {
    let mut sets: Vec<&FileSet> = from.file_sets(section, groups).collect();
    let database = match sets[..] {
        [set] if set.key_groups() == groups => adopt(shared, expired, set)?,
        _ => {
            let database = Database::create(shared, expired)?;
            sets.sort_by_key(|set| set.key_groups().range().start);
            Loader::new(&database, shared.options()?).load(&sets, groups)?;
            database
        }
    };
    write_inline(&database, from, section, groups)?;
    Ok(database)
}

/// Opens a file set as it is. Its tables keep the names that they have in the checkpoint store.
fn adopt(shared: &Arc<RocksDb>, expired: Option<ExpiryFilters>, set: &FileSet) -> Result<Database, StateError> {
    let directory = new_directory(shared)?;
    let db = directory.path().join("db");
    let linked =
        std::fs::create_dir(&db).and_then(|()| set.files.iter().try_for_each(|file| link(&file.file, &set.local, &db)));
    linked.map_err(|error| StateError::store(&set.local, "cannot be restored from", error))?;
    let tables = set.files.iter().filter(|file| is_immutable(&file.file));
    let inherited: BTreeMap<_, _> = tables.map(|file| (file.file.clone(), file.clone())).collect();
    Database::open(shared, expired, directory, inherited)
}

/// Writes the rows that a snapshot of the heap has.
fn write_inline(
    database: &Database,
    from: &OperatorSnapshot,
    section: &str,
    groups: KeyGroups,
) -> Result<(), StateError> {
    let (mut changes, mut key) = (Changes::default(), Vec::new());
    from.read_inline(section, groups, |group, bytes| {
        join_key(group, take_value(bytes, "a key")?, &mut key);
        changes.put(&key, take_value(bytes, "a row")?);
        if changes.bytes() >= STEP { database.write(std::mem::take(&mut changes)) } else { Ok(()) }
    })?;
    database.write(changes)
}

/// Takes one MessagePack value from the front, as it is.
fn take_value<'a>(bytes: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], StateError> {
    let before = *bytes;
    decode::<IgnoredAny>(bytes, what)?;
    Ok(&before[..before.len() - bytes.len()])
}
