//! Databases as operators use them: written, checkpointed, restored at any parallelism.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::database::Changes;
use super::restore::restore;
use super::*;
use crate::channel::hash::stable_hash;
use crate::operator::TaskInfo;
use crate::state::store::encode_key;
use crate::state::{
    FileSet, KeyGroup, KeyGroups, List, Map, OperatorCapture, RocksDbProfile, RocksDbSettings, StateError, StateRow,
    StateSpec, TaskCapture, TaskSnapshot, Ttl, Value, decode, encode, encode_row, expiry_filters,
};
use crate::time::{ManualClock, Timestamp};

const GROUPS: usize = 16;
const SECTION: &str = "rows";

/// A place for databases, and what they share.
struct Place {
    shared: Arc<RocksDb>,
    directory: TempDir,
}

impl Place {
    fn new(settings: RocksDbSettings) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = RocksDbSettings { directory: Some(directory.path().to_owned()), ..settings };
        Self { shared: Arc::new(RocksDb::new(settings).unwrap()), directory }
    }

    fn create(&self) -> Database {
        Database::create(&self.shared, None).unwrap()
    }

    fn restore(&self, from: &TaskSnapshot, subtask: usize, parallelism: usize) -> Database {
        let groups = KeyGroups::of_subtask(subtask, parallelism, GROUPS);
        restore(&self.shared, None, from.get("count").unwrap(), SECTION, groups).unwrap()
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new(RocksDbSettings::default())
    }
}

/// Leaves a row as it was written.
fn as_it_is(row: &[u8], to: &mut Vec<u8>) -> Result<(), StateError> {
    to.extend_from_slice(row);
    Ok(())
}

fn all() -> KeyGroups {
    KeyGroups::of_subtask(0, 1, GROUPS)
}

fn info(subtask: usize, parallelism: usize) -> TaskInfo {
    TaskInfo {
        job: "job".into(),
        run: "run".into(),
        subtask,
        parallelism,
        max_parallelism: GROUPS,
        attempt: 0,
        restored: false,
    }
}

fn key_of(user: u64) -> Vec<u8> {
    let mut key = Vec::new();
    encode_key(KeyGroup::of_hash(stable_hash(&user), GROUPS), &user, &mut key).unwrap();
    key
}

fn row_of(count: u64) -> Vec<u8> {
    let mut row = Vec::new();
    encode(&count, &mut row).unwrap();
    row
}

/// Writes counts of users; none deletes.
fn write(database: &Database, counts: impl IntoIterator<Item = (u64, Option<u64>)>) {
    let mut changes = Changes::default();
    for (user, count) in counts {
        match count {
            Some(count) => changes.put(&key_of(user), &row_of(count)),
            None => changes.delete(&key_of(user)),
        }
    }
    database.write(changes).unwrap();
}

fn counts(database: &Database, groups: KeyGroups) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    let read = |_, mut key: &[u8], mut row: &[u8]| {
        counts.insert(decode(&mut key, "a key")?, decode(&mut row, "a count")?);
        Ok(())
    };
    database.rows(groups).for_each(read).unwrap();
    counts
}

/// The snapshot of an operator, as its subtasks write it.
fn snapshot(parts: impl IntoIterator<Item = FileSet>) -> TaskSnapshot {
    captured(|operator| parts.into_iter().for_each(|set| operator.add_files(SECTION, set)))
}

fn captured(write: impl FnOnce(&mut OperatorCapture)) -> TaskSnapshot {
    let mut capture = TaskCapture::default();
    write(capture.operator("count"));
    capture.complete().unwrap()
}

/// Names in the store of the files that never change.
fn tables(set: &FileSet) -> BTreeSet<&str> {
    set.files.iter().filter(|file| file.file.ends_with(".sst")).map(|file| file.name.as_str()).collect()
}

/// The owner of each count, by the parallelism.
fn owned(counts: &BTreeMap<u64, u64>, subtask: usize, parallelism: usize) -> BTreeMap<u64, u64> {
    let groups = KeyGroups::of_subtask(subtask, parallelism, GROUPS);
    let is_owned = |user: &u64| groups.contains(KeyGroup::of_hash(stable_hash(user), GROUPS));
    counts.iter().filter(|(user, _)| is_owned(user)).map(|(user, count)| (*user, *count)).collect()
}

#[test]
fn rows_are_read_by_key_and_those_never_written_are_not_there() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10)), (2, Some(20)), (3, Some(30))]);
    write(&database, [(2, None), (3, Some(31))]);
    let keys = [3, 2, 7, 1].map(key_of);
    let rows = database.get_many(keys.iter().map(Vec::as_slice), false);
    let rows: Vec<Option<Vec<u8>>> = rows.map(|row| row.unwrap().map(|row| row.to_vec())).collect();
    assert_eq!(rows, [Some(row_of(31)), None, None, Some(row_of(10))]);
}

#[test]
fn rows_come_by_key_group_and_those_of_others_are_left_out() {
    let place = Place::default();
    let database = place.create();
    write(&database, (0..1000).map(|user| (user, Some(user))));
    let groups = KeyGroups::of_subtask(1, 3, GROUPS);
    let mut seen = Vec::new();
    let read = |group: KeyGroup, _: &[u8], _: &[u8]| {
        seen.push(group);
        Ok(())
    };
    database.rows(groups).for_each(read).unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|group| groups.contains(*group)));
    assert_eq!(
        seen.len(),
        (0..1000).filter(|user| groups.contains(KeyGroup::of_hash(stable_hash(user), GROUPS))).count()
    );
}

#[test]
fn keys_are_walked_in_order_a_few_at_a_time() {
    let place = Place::default();
    let database = place.create();
    write(&database, (0..100).map(|key| (key, Some(key))));
    let (mut after, mut walked) = (Vec::new(), Vec::new());
    loop {
        let keys = database.rows(all()).keys_after(&after, 7).unwrap();
        let Some(last) = keys.last() else { break };
        assert!(keys.len() <= 7);
        after.clone_from(last);
        // What is written meanwhile changes nothing.
        write(&database, [(walked.len() as u64, Some(0))]);
        walked.extend(keys);
    }
    let mut expected: Vec<_> = (0..100).map(key_of).collect();
    expected.sort();
    assert_eq!(walked, expected);
}

#[test]
fn rows_are_those_of_the_moment_in_which_they_are_asked_for() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10)), (2, Some(20))]);
    let rows = database.rows(all());
    write(&database, [(1, Some(11)), (2, None), (3, Some(30))]);
    let (mut capture, mut expected) = (OperatorCapture::default(), OperatorCapture::default());
    rows.capture(SECTION, &as_it_is, &mut capture).unwrap();
    for user in [1_u64, 2] {
        let group = KeyGroup::of_hash(stable_hash(&user), GROUPS);
        encode(&(user), expected.keyed(SECTION, group)).unwrap();
        encode(&(user * 10), expected.keyed(SECTION, group)).unwrap();
    }
    for group in (0..GROUPS as u16).map(KeyGroup) {
        assert_eq!(capture.keyed(SECTION, group), expected.keyed(SECTION, group));
    }
}

#[test]
fn a_checkpoint_holds_what_was_written_before_it_though_nothing_is_logged() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10)), (2, Some(20))]);
    let from = snapshot([database.checkpoint(&info(0, 1)).unwrap()]);
    write(&database, [(1, Some(11)), (3, Some(30))]);
    let restored = place.restore(&from, 0, 1);
    assert_eq!(counts(&restored, all()), BTreeMap::from([(1, 10), (2, 20)]));
    assert_eq!(counts(&database, all()), BTreeMap::from([(1, 11), (2, 20), (3, 30)]));
}

#[test]
fn a_checkpoint_shares_its_tables_with_the_one_before() {
    let place = Place::default();
    let database = place.create();
    write(&database, (0..100).map(|user| (user, Some(user))));
    let first = database.checkpoint(&info(0, 1)).unwrap();
    write(&database, [(7, Some(8))]);
    let second = database.checkpoint(&info(0, 1)).unwrap();
    assert_eq!(tables(&first).len(), 1);
    assert_eq!(tables(&second).len(), 2);
    assert!(tables(&first).is_subset(&tables(&second)));
    let changing = |set: &FileSet| -> BTreeSet<String> {
        set.files.iter().filter(|file| !file.file.ends_with(".sst")).map(|file| file.name.clone()).collect()
    };
    assert!(changing(&first).is_disjoint(&changing(&second)), "what the database goes on writing to has a new name");
}

#[test]
fn a_restored_database_shares_its_tables_with_the_snapshot_but_new_ones_with_nobody() {
    let place = Place::default();
    let database = place.create();
    write(&database, (0..100).map(|user| (user, Some(user))));
    let base = database.checkpoint(&info(0, 1)).unwrap();
    let from = snapshot([base.clone()]);
    // Three histories go on from one checkpoint, and number their tables alike.
    let histories = [database, place.restore(&from, 0, 1), place.restore(&from, 0, 1)];
    let mut new = BTreeSet::new();
    for (number, history) in histories.iter().enumerate() {
        write(history, [(7, Some(number as u64))]);
        let next = history.checkpoint(&info(0, 1)).unwrap();
        assert!(tables(&base).is_subset(&tables(&next)));
        new.extend(tables(&next).difference(&tables(&base)).map(|name| (*name).to_owned()));
        assert_eq!(counts(&place.restore(&snapshot([next.clone()]), 0, 1), all())[&7], number as u64);
    }
    assert_eq!(new.len(), histories.len());
}

#[test]
fn restoring_leaves_the_files_as_they_are() {
    let place = Place::default();
    let database = place.create();
    write(&database, (0..100).map(|user| (user, Some(user))));
    let set = database.checkpoint(&info(0, 1)).unwrap();
    let contents = || -> Vec<Vec<u8>> {
        set.files.iter().map(|file| std::fs::read(set.local.join(&file.file)).unwrap()).collect()
    };
    let before = contents();
    for (subtask, parallelism) in [(0, 1), (0, 2), (1, 2)] {
        let restored = place.restore(&snapshot([set.clone()]), subtask, parallelism);
        write(&restored, (0..100).map(|user| (user, None)));
        restored.checkpoint(&info(subtask, parallelism)).unwrap();
    }
    assert!(before == contents());
}

#[test]
fn rows_are_restored_at_any_parallelism() {
    let written: BTreeMap<u64, u64> = (0..3000).map(|user| (user, user * 3)).collect();
    for (from, to) in [(1, 2), (2, 1), (2, 3), (3, 2), (4, 16), (16, 5)] {
        let place = Place::default();
        let mut sources = Vec::new();
        for subtask in 0..from {
            let database = place.create();
            write(&database, owned(&written, subtask, from).into_iter().map(|(user, count)| (user, Some(count))));
            sources.push(database);
        }
        let taken = snapshot(
            sources.iter().enumerate().map(|(subtask, database)| database.checkpoint(&info(subtask, from)).unwrap()),
        );
        for subtask in 0..to {
            let restored = place.restore(&taken, subtask, to);
            assert_eq!(
                counts(&restored, all()),
                owned(&written, subtask, to),
                "subtask {subtask}, from {from} to {to}"
            );
        }
    }
}

#[test]
fn a_snapshot_of_the_heap_is_restored_and_read_back() {
    let place = Place::default();
    let written: BTreeMap<u64, u64> = (0..3000).map(|user| (user, user * 3)).collect();
    let heap = captured(|operator| {
        for (user, count) in &written {
            let bytes = operator.keyed(SECTION, KeyGroup::of_hash(stable_hash(user), GROUPS));
            encode(user, bytes).unwrap();
            encode(count, bytes).unwrap();
        }
    });
    let databases: Vec<Database> = (0..3).map(|subtask| place.restore(&heap, subtask, 3)).collect();
    let savepoint = captured(|operator| {
        for (subtask, database) in databases.iter().enumerate() {
            assert_eq!(counts(database, all()), owned(&written, subtask, 3));
            database.rows(KeyGroups::of_subtask(subtask, 3, GROUPS)).capture(SECTION, &as_it_is, operator).unwrap();
        }
    });
    assert_eq!(counts(&place.restore(&savepoint, 0, 1), all()), written);
}

#[test]
fn the_heap_reads_checkpoints_of_databases() {
    let place = Place::default();
    let written: BTreeMap<u64, u64> = (0..300).map(|user| (user, user * 3)).collect();
    let database = place.create();
    write(&database, written.iter().map(|(user, count)| (*user, Some(*count))));
    let taken = snapshot([database.checkpoint(&info(0, 1)).unwrap()]);
    for subtask in 0..2 {
        let groups = KeyGroups::of_subtask(subtask, 2, GROUPS);
        let mut read = BTreeMap::new();
        let each = |group: KeyGroup, bytes: &mut &[u8]| {
            let user: u64 = decode(bytes, "a key")?;
            groups.check(group, stable_hash(&user))?;
            read.insert(user, decode(bytes, "a count")?);
            Ok(())
        };
        taken.get("count").unwrap().read_keyed(SECTION, groups, each).unwrap();
        assert_eq!(read, owned(&written, subtask, 2));
    }
}

#[test]
fn a_damaged_file_set_fails_the_restore_and_is_named() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10))]);
    let set = database.checkpoint(&info(0, 1)).unwrap();
    let table = set.files.iter().find(|file| file.file.ends_with(".sst")).unwrap();
    std::fs::remove_file(set.local.join(&table.file)).unwrap();
    let local = set.local.display().to_string();
    let taken = snapshot([set]);
    for (subtask, parallelism) in [(0, 1), (0, 2)] {
        let groups = KeyGroups::of_subtask(subtask, parallelism, GROUPS);
        let restored = restore(&place.shared, None, taken.get("count").unwrap(), SECTION, groups);
        let error = restored.err().expect("the table is missing").to_string();
        assert!(error.contains(&local), "{error}");
    }
}

#[test]
fn nothing_is_left_on_disk_when_the_databases_are_gone() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10))]);
    let set = database.checkpoint(&info(0, 1)).unwrap();
    let restored = place.restore(&snapshot([set]), 0, 2);
    let root = place.shared.root.path().to_owned();
    assert_eq!(entries(&root).len(), 3);
    drop((database, restored));
    assert_eq!(entries(&root).len(), 1, "a checkpoint outlives the databases");
    let Place { shared, directory } = place;
    drop(shared);
    assert_eq!(entries(directory.path()), Vec::<PathBuf>::new());
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn databases_share_one_budget_of_memory() {
    let budget = 6 << 20;
    let place = Place::new(RocksDbSettings { memory: budget, ..RocksDbSettings::default() });
    let databases = [place.create(), place.create(), place.create()];
    let mut buffered = 0;
    for database in &databases {
        write(database, (0..2000).map(|user| (user, Some(user))));
        let before = std::mem::replace(&mut buffered, place.shared.write_buffers.get_usage());
        assert!(before + 2000 * 10 < buffered && buffered <= place.shared.used(), "write buffers are in the budget");
    }
    for round in 0..30 {
        for database in &databases {
            write(database, (round * 5000..(round + 1) * 5000).map(|user| (user, Some(user))));
            database.db.flush().unwrap();
            assert!(place.shared.used() <= budget, "{} bytes of {budget}", place.shared.used());
        }
    }
    let keys: Vec<Vec<u8>> = (0..150_000).map(key_of).collect();
    for database in &databases {
        for keys in keys.chunks(1000) {
            database.get_many(keys.iter().map(Vec::as_slice), false).for_each(|row| drop(row.unwrap()));
            assert!(place.shared.used() <= budget, "{} bytes of {budget}", place.shared.used());
        }
    }
    assert!(place.shared.used() > budget / 2, "blocks are kept as long as there is room");
}

#[test]
fn every_profile_opens_and_options_by_name_win_over_it() {
    use clap::ValueEnum;
    for profile in RocksDbProfile::value_variants() {
        let options = "write_buffer_size=1234567;block_based_table_factory={block_size=12345}".to_owned();
        let place = Place::new(RocksDbSettings { profile: *profile, options, ..RocksDbSettings::default() });
        let database = place.create();
        write(&database, (0..1000).map(|user| (user, Some(user))));
        let set = database.checkpoint(&info(0, 1)).unwrap();
        let file = set.files.iter().find(|file| file.file.starts_with("OPTIONS")).unwrap();
        let options = std::fs::read_to_string(set.local.join(&file.file)).unwrap();
        assert!(options.contains("write_buffer_size=1234567") && options.contains("block_size=12345"), "{options}");
        let used = place.shared.blocks.get_usage();
        let key = key_of(1);
        database.get_many([key.as_slice()], true).for_each(|row| drop(row.unwrap()));
        assert!(place.shared.blocks.get_usage() > used, "the shared cache is still in use");
    }
}

#[test]
fn an_option_that_rocksdb_does_not_have_is_named() {
    let settings = RocksDbSettings { options: "wirte_buffer_size=1".to_owned(), ..RocksDbSettings::default() };
    let error = RocksDb::new(settings).err().expect("there is no such option").to_string();
    assert!(error.contains("wirte_buffer_size"), "{error}");
}

type Row = (Value<u64>, List<u64>, Map<u64, u64>);

fn specs(ttl: [Option<u64>; 3]) -> Vec<StateSpec> {
    let spec = |(name, ttl): (_, Option<u64>)| StateSpec {
        ttl: ttl.map(|millis| Ttl::new(Duration::from_millis(millis))),
        ..StateSpec::new(name)
    };
    ["value", "list", "map"].into_iter().zip(ttl).map(spec).collect()
}

fn blank(specs: &[StateSpec]) -> Row {
    let mut row = Row::default();
    row.states_mut().into_iter().zip(specs).for_each(|(state, spec)| state.set_ttl(spec.ttl));
    row
}

/// Writes rows at different times, merges the tables at another, and answers which rows are left.
///
/// User 0 is written at 10, user 1 has a value of 10 and a list entry of 20, user 2 map entries of 10 and 30.
#[track_caller]
fn check_expiry(written: [Option<u64>; 3], declared: [Option<u64>; 3], now: i64, left: &[u64]) {
    let at = Timestamp::from_millis;
    let written = specs(written);
    let mut rows = [(); 3].map(|()| blank(&written));
    for (time, write) in [
        (
            10,
            (|rows| {
                rows[0].0.set(1);
                rows[1].0.set(1);
                rows[2].2.insert(1, 1);
            }) as fn(&mut [Row; 3]),
        ),
        (20, |rows| rows[1].1.push(1)),
        (30, |rows| {
            rows[2].2.insert(2, 2);
        }),
    ] {
        rows.iter_mut().flat_map(|row| row.states_mut()).for_each(|state| state.set_now(at(time)));
        write(&mut rows);
    }
    let clock = Arc::new(ManualClock::at(at(now)));
    let declared = specs(declared);
    let place = Place::default();
    let database = Database::create(&place.shared, expiry_filters(blank(&declared), declared.into(), clock)).unwrap();
    let mut changes = Changes::default();
    for (user, row) in (0..).zip(&rows) {
        let mut bytes = Vec::new();
        encode_row(row, &written, Timestamp::MIN, &mut bytes).unwrap();
        changes.put(&key_of(user), &bytes);
    }
    changes.put(&key_of(99), b"\xc1 is no row");
    database.write(changes).unwrap();
    database.db.flush().unwrap();
    database.db.compact_range(None::<&[u8]>, None::<&[u8]>);
    let mut users = BTreeSet::new();
    let read = |_, mut key: &[u8], _: &[u8]| {
        users.insert(decode(&mut key, "a key")?);
        Ok(())
    };
    database.rows(all()).for_each(read).unwrap();
    assert!(users.remove(&99), "what cannot be read is kept");
    assert_eq!(users, left.iter().copied().collect());
}

#[test]
fn a_row_expires_when_all_that_it_holds_has() {
    let ttl = [Some(100); 3];
    check_expiry(ttl, ttl, 109, &[0, 1, 2]);
    check_expiry(ttl, ttl, 110, &[1, 2]);
    check_expiry(ttl, ttl, 120, &[2]);
    check_expiry(ttl, ttl, 130, &[]);
    check_expiry([Some(100), Some(1), Some(20)], [Some(100), Some(1), Some(20)], 109, &[0, 1]);
}

#[test]
fn the_lifetimes_that_are_declared_now_decide() {
    check_expiry([Some(100); 3], [Some(200); 3], 209, &[0, 1, 2]);
    check_expiry([Some(100); 3], [Some(200); 3], 230, &[]);
    check_expiry([Some(100); 3], [None, Some(100), Some(100)], 1000, &[0, 1, 2]);
}

#[test]
fn a_row_written_without_a_time_to_live_is_kept_until_it_is_written_again() {
    check_expiry([None; 3], [Some(100); 3], 1000, &[0, 1, 2]);
    check_expiry([None, Some(100), Some(100)], [Some(100); 3], 1000, &[0, 1]);
}

#[test]
fn a_decoding_error_of_a_reader_stops_it() {
    let place = Place::default();
    let database = place.create();
    write(&database, [(1, Some(10)), (2, Some(20))]);
    let mut calls = 0;
    let failed = database.rows(all()).for_each(|_, _, _| {
        calls += 1;
        Err(StateError::decode("a row", &"spoilt"))
    });
    assert!(failed.is_err());
    assert_eq!(calls, 1);
}
