//! Caches far smaller than what they stand in front of.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::channel::hash::stable_hash;
use crate::state::store::{FoundRow, RewriteRow, RowChanges};
use crate::state::{TaskCapture, TaskSnapshot, ValueCodec, decode};

const GROUPS: usize = 16;

/// Keeps its rows in memory.
#[derive(Default)]
struct InMemory {
    rows: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    fails: AtomicBool,
}

impl RowStore for InMemory {
    fn get_many(&self, keys: &[&[u8]], found: &mut FoundRow<'_>) -> Result<(), StateError> {
        assert!(keys.is_sorted());
        let rows = self.rows.lock().unwrap();
        let mut present = keys.iter().enumerate().filter_map(|(place, key)| Some((place, rows.get(*key)?)));
        present.try_for_each(|(place, row)| found(place, row))
    }

    fn keys_after(&self, _groups: KeyGroups, after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StateError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.keys().filter(|key| key.as_slice() > after).take(limit).cloned().collect())
    }

    fn write(&self, changes: &RowChanges) -> Result<(), StateError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StateError::encode(&"the disk is full"));
        }
        let mut rows = self.rows.lock().unwrap();
        for (key, row) in changes.iter() {
            match row {
                Some(row) => rows.insert(key.to_owned(), row.to_owned()),
                None => rows.remove(key),
            };
        }
        Ok(())
    }

    fn capture(
        &self,
        section: &str,
        _info: &TaskInfo,
        rewrite: &RewriteRow<'_>,
        taken: &dyn Fn(),
        to: &mut OperatorCapture,
    ) -> Result<(), StateError> {
        let rows = self.rows.lock().unwrap().clone();
        taken();
        for (key, row) in rows {
            let bytes = to.keyed(section, KeyGroup(u16::from_be_bytes([key[0], key[1]])));
            bytes.extend(&key[2..]);
            rewrite(&row, bytes)?;
        }
        Ok(())
    }
}

/// A count for each key, as an operator would keep it.
struct Counts {
    keys: KeyIndex<u32>,
    rows: Pages<Option<u64>>,
    cache: RowCache,
    store: Arc<InMemory>,
}

fn info() -> TaskInfo {
    TaskInfo {
        job: "job".into(),
        run: "run".into(),
        subtask: 0,
        parallelism: 1,
        max_parallelism: GROUPS,
        attempt: 0,
        restored: false,
    }
}

impl Counts {
    fn new(limit_bytes: usize) -> Self {
        let store = Arc::new(InMemory::default());
        let cache = RowCache::new(Arc::clone(&store) as Arc<dyn RowStore>, info().key_groups(), limit_bytes);
        Self { keys: KeyIndex::default(), rows: Pages::default(), cache, store }
    }

    /// Works off a batch; every seventh record of a key clears its count.
    fn batch(&mut self, batch: &[u32]) -> Result<Vec<u64>, StateError> {
        let Self { keys, rows, cache, .. } = self;
        let codec = ValueCodec::default();
        cache.make_room(&mut Rows { keys, rows, codec: &codec }, Timestamp::MIN)?;
        let numbers: Vec<RowId> = batch.iter().map(|key| keys.find_or_insert(stable_hash(key), key)).collect();
        rows.grow_to(keys.row_count(), || None);
        cache.load(&mut Rows { keys, rows, codec: &codec }, &numbers, Timestamp::MIN)?;
        let count = |number| {
            let row: &mut Option<u64> = rows.get_mut(number);
            let count = row.unwrap_or(0) + 1;
            *row = (count < 7).then_some(count);
            count
        };
        Ok(numbers.into_iter().map(count).collect())
    }

    fn barrier(&mut self) -> Result<TaskCapture, StateError> {
        let Self { keys, rows, cache, .. } = self;
        let (mut task, codec) = (TaskCapture::default(), ValueCodec::<u64>::default());
        cache.snapshot(
            &mut Rows { keys, rows, codec: &codec },
            ("counts", &info(), Timestamp::MIN),
            task.operator("count"),
        )?;
        Ok(task)
    }
}

fn counts(snapshot: &TaskSnapshot) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    let read = |_, bytes: &mut &[u8]| {
        counts.insert(decode(bytes, "a key")?, decode(bytes, "a count")?);
        Ok(())
    };
    snapshot.get("count").unwrap().read_keyed("counts", info().key_groups(), read).unwrap();
    counts
}

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<u32>),
    Barrier,
    /// The oldest snapshot under way is completed.
    Complete,
    /// It is given up.
    Abandon,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let batch = prop::collection::vec(0u32..600, 1..60).prop_map(Step::Batch);
    prop::collection::vec(
        prop_oneof![20 => batch, 2 => Just(Step::Barrier), 2 => Just(Step::Complete), 1 => Just(Step::Abandon)],
        1..200,
    )
}

proptest! {
    #[test]
    fn counts_are_those_of_a_map_and_snapshots_those_of_their_barriers(steps in steps(), limit in 0usize..20_000) {
        let mut cached = Counts::new(limit);
        let mut oracle: BTreeMap<u32, u64> = BTreeMap::new();
        let mut under_way = std::collections::VecDeque::new();
        for step in steps {
            match step {
                Step::Batch(batch) => {
                    let expected = batch.iter().map(|key| {
                        let count = oracle.get(key).unwrap_or(&0) + 1;
                        if count < 7 { oracle.insert(*key, count) } else { oracle.remove(key) };
                        count
                    });
                    let expected: Vec<u64> = expected.collect();
                    prop_assert_eq!(cached.batch(&batch).unwrap(), expected);
                }
                Step::Barrier => under_way.push_back((cached.barrier().unwrap(), oracle.clone())),
                Step::Complete => if let Some((capture, expected)) = under_way.pop_front() {
                    prop_assert_eq!(counts(&capture.complete().unwrap()), expected);
                },
                Step::Abandon => drop(under_way.pop_front()),
            }
        }
        let last = cached.barrier().unwrap().complete().unwrap();
        prop_assert_eq!(counts(&last), oracle);
    }
}

#[test]
fn rows_that_were_not_used_lately_go_and_the_memory_is_bounded() {
    let mut cached = Counts::new(20_000);
    for first in 0..100 {
        cached.batch(&(first * 100..first * 100 + 100).collect::<Vec<_>>()).unwrap();
    }
    assert!(cached.rows.len() < 1000, "{} rows for 10000 keys", cached.rows.len());
    assert!(cached.store.rows.lock().unwrap().len() > 9000);
}

#[test]
fn nothing_is_written_between_a_barrier_and_the_completion_of_its_snapshot_while_there_is_room() {
    let mut cached = Counts::new(20_000);
    cached.batch(&(0..100).collect::<Vec<_>>()).unwrap();
    let snapshot = cached.barrier().unwrap();
    for first in 1..4 {
        cached.batch(&(first * 100..first * 100 + 100).collect::<Vec<_>>()).unwrap();
    }
    assert!(cached.store.rows.lock().unwrap().is_empty());
    assert_eq!(counts(&snapshot.complete().unwrap()).len(), 100);
}

#[test]
fn a_subtask_that_has_no_room_left_finishes_what_a_barrier_has_left_behind_itself() {
    let mut cached = Counts::new(20_000);
    cached.batch(&(0..100).collect::<Vec<_>>()).unwrap();
    let snapshot = cached.barrier().unwrap();
    for first in 1..20 {
        cached.batch(&(first * 100..first * 100 + 100).collect::<Vec<_>>()).unwrap();
    }
    assert!(cached.store.rows.lock().unwrap().len() > 1000);
    assert_eq!(counts(&snapshot.complete().unwrap()).len(), 100, "it holds what was there at the barrier");
}

#[test]
fn a_subtask_fails_if_its_changes_could_not_be_written_with_a_snapshot() {
    let mut cached = Counts::new(20_000);
    cached.batch(&[1, 2, 3]).unwrap();
    let snapshot = cached.barrier().unwrap();
    cached.store.fails.store(true, Ordering::Relaxed);
    assert!(snapshot.complete().is_err());
    cached.store.fails.store(false, Ordering::Relaxed);
    assert!(matches!(cached.barrier(), Err(StateError::NotWritten)));
}
