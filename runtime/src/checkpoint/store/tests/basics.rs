//! What is written is read back.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::*;
use crate::checkpoint::store::faulty::{Fault, Faulty};

#[test]
fn a_snapshot_is_read_back_as_it_was_written() {
    everywhere(|store| {
        for (id, kind) in [(1, CHECKPOINT), (2, SAVEPOINT)] {
            let written = take(&store, id, kind, 0).unwrap();
            let latest = store.latest().unwrap().unwrap();
            assert_eq!(latest, written);
            assert_eq!(store.load(&store.path_of(latest.id, kind)).unwrap(), written);
            assert_good(&store, &latest);
        }
    });
}

#[test]
fn a_part_says_what_it_takes() {
    everywhere(|store| {
        let part = store.write_part(CheckpointId(1), CHECKPOINT, "0", &state(1)).unwrap();
        assert_eq!(part.bytes, store.objects.get(&part.path).unwrap().unwrap().len() as u64);
    });
}

#[test]
fn parts_larger_than_a_piece_are_read_back() {
    everywhere(|store| {
        let mut capture = TaskCapture::default();
        let rows: Vec<u8> = (0..17_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        capture.operator("sum").keyed("rows", KeyGroup(1)).extend(&rows);
        let large = capture.complete().unwrap();
        let part = store.write_part(CheckpointId(1), CHECKPOINT, "0", &large).unwrap();
        assert!(store.read_part(&part).unwrap() == large);
    });
}

#[test]
fn snapshots_are_listed_the_latest_last() {
    everywhere(|store| {
        assert!(numbers(&store).is_empty());
        assert!(store.latest().unwrap().is_none());
        for (id, kind) in [(9, CHECKPOINT), (10, SAVEPOINT), (11, CHECKPOINT)] {
            take(&store, id, kind, 0).unwrap();
        }
        assert_eq!(numbers(&store), [9, 10, 11]);
        assert!(store.completed().unwrap()[1].path.ends_with("/savepoint-10"));
    });
}

#[test]
fn a_snapshot_is_not_there_before_its_manifest() {
    everywhere(|store| {
        store.write_part(CheckpointId(4), CHECKPOINT, "0", &state(4)).unwrap();
        assert!(numbers(&store).is_empty());
        let error = store.load("latest").unwrap_err().to_string();
        assert!(error.contains("1 incomplete"), "{error}");
        assert_eq!(store.next_id().unwrap(), CheckpointId(5));
    });
}

#[test]
fn the_latest_of_a_run_passes_over_those_of_others() {
    everywhere(|store| {
        take(&store, 1, CHECKPOINT, 0).unwrap();
        store.commit(&Manifest { lineage: "other".to_owned(), ..manifest(2, CHECKPOINT, 0, Vec::new()) }).unwrap();
        assert_eq!(store.latest_of("run").unwrap().unwrap().id, CheckpointId(1));
        assert_eq!(store.latest().unwrap().unwrap().lineage, "other");
        assert!(store.latest_of("nobody").unwrap().is_none());
    });
}

#[test]
fn whether_output_was_committed_is_noted() {
    everywhere(|store| {
        take(&store, 1, CHECKPOINT, 0).unwrap();
        assert!(!store.is_committed(CheckpointId(1), CHECKPOINT).unwrap());
        for _ in 0..2 {
            store.mark_committed(CheckpointId(1), CHECKPOINT).unwrap();
            assert!(store.is_committed(CheckpointId(1), CHECKPOINT).unwrap());
        }
    });
}

#[test]
fn a_file_is_uploaded_once_and_fetched_from_where_it_was_found() {
    everywhere(|store| {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = state_in(dir.path(), &["1.sst", "2.sst"]);
        let write = |id, kind| store.write_part(CheckpointId(id), kind, "0", &snapshot).unwrap();
        let (first, second, savepoint) = (write(1, CHECKPOINT), write(2, CHECKPOINT), write(3, SAVEPOINT));
        assert_eq!(first.files, ["db-1.sst", "db-2.sst"]);
        assert!(first.bytes > second.bytes, "{first:?} {second:?}");
        assert_eq!(savepoint.bytes, first.bytes);
        for part in [second, savepoint] {
            let mut read = store.read_part(&part).unwrap();
            let to = tempfile::tempdir().unwrap();
            for set in read.file_sets_mut() {
                assert_eq!(store.fetch_files(set, to.path()).unwrap(), 10);
            }
            assert_eq!(std::fs::read(to.path().join("2.sst")).unwrap(), b"2.sst");
        }
    });
}

#[test]
fn a_savepoint_needs_no_shared_files() {
    everywhere(|store| {
        let dir = tempfile::tempdir().unwrap();
        store.write_part(CheckpointId(3), SAVEPOINT, "0", &state_in(dir.path(), &["1.sst"])).unwrap();
        assert_eq!(objects(&store), ["savepoint-3/files/db-1.sst", "savepoint-3/part-0"]);
    });
}

#[test]
fn a_store_can_be_used_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { everywhere(|store| assert_eq!(store.next_id().unwrap(), CheckpointId(1))) });
}

#[test]
fn a_store_that_hangs_holds_up_no_other() {
    let hanging = Faulty::after(0, Fault::Hangs, Arc::new(InMemory::new()));
    let store = CheckpointStore::over(Arc::new(hanging.clone()), "hanging");
    let hangs = std::thread::spawn(move || store.next_id());
    while !hanging.has_failed() {
        std::thread::yield_now();
    }
    everywhere(|store| assert_eq!(store.next_id().unwrap(), CheckpointId(1)));
    assert!(!hangs.is_finished());
}
