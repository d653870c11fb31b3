//! What is deleted, and what is not.

use super::*;

#[test]
fn the_newest_checkpoints_are_kept() {
    everywhere(|store| {
        for id in 1..=4 {
            take(&store, id, CHECKPOINT, 0).unwrap();
            store.mark_committed(CheckpointId(id), CHECKPOINT).unwrap();
        }
        assert_eq!(store.collect_garbage("run", 2, None).unwrap(), 8);
        assert_eq!(numbers(&store), [3, 4]);
        assert_eq!(store.snapshots().unwrap().len(), 2);
        for id in [3, 4] {
            assert_good(&store, &store.load(&store.path_of(CheckpointId(id), CHECKPOINT)).unwrap());
        }
    });
}

#[test]
fn of_a_run_that_retains_none_a_number_is_left() {
    everywhere(|store| {
        take(&store, 1, CHECKPOINT, 0).unwrap();
        take_with_files(&store, 2, 0, &["1.sst"]);
        assert_eq!(store.collect_garbage("run", 0, None).unwrap(), 6);
        assert_eq!(objects(&store), ["chk-2/_deleted"]);
        assert_eq!(store.collect_garbage("run", 0, None).unwrap(), 0);
        assert_eq!(store.next_id().unwrap(), CheckpointId(3));
    });
}

#[test]
fn savepoints_and_other_runs_checkpoints_are_kept() {
    everywhere(|store| {
        take(&store, 1, SAVEPOINT, 0).unwrap();
        store.commit(&Manifest { lineage: "other".to_owned(), ..manifest(2, CHECKPOINT, 0, Vec::new()) }).unwrap();
        for id in [3, 4] {
            take(&store, id, CHECKPOINT, 0).unwrap();
        }
        store.collect_garbage("run", 1, None).unwrap();
        assert_eq!(numbers(&store), [1, 2, 4]);
    });
}

#[test]
fn what_was_never_completed_is_deleted_once_it_is_over() {
    everywhere(|store| {
        for id in [1, 2, 3, 6] {
            store.write_part(CheckpointId(id), CHECKPOINT, "0", &state(id)).unwrap();
        }
        store.write_part(CheckpointId(4), SAVEPOINT, "0", &state(4)).unwrap();
        assert_eq!(store.collect_garbage("run", 1, None).unwrap(), 0, "nothing is complete");
        take(&store, 5, CHECKPOINT, 0).unwrap();
        assert_eq!(store.collect_garbage("run", 1, Some(CheckpointId(3))).unwrap(), 2);
        assert_eq!(store.collect_garbage("run", 1, None).unwrap(), 2);
        assert_eq!(objects(&store), ["chk-5/_metadata", "chk-5/part-0", "chk-5/part-1", "chk-6/part-0"]);
    });
}

#[test]
fn files_that_a_remaining_checkpoint_refers_to_are_kept() {
    everywhere(|store| {
        take_with_files(&store, 1, 0, &["1.sst", "2.sst"]);
        store.commit(&Manifest { lineage: "other".to_owned(), ..take_unfinished(&store, 2, &["1.sst"]) }).unwrap();
        take_with_files(&store, 3, 0, &["3.sst"]);
        store.collect_garbage("run", 1, None).unwrap();
        let shared: Vec<String> = objects(&store).into_iter().filter(|name| name.starts_with("shared/")).collect();
        assert_eq!(shared, ["shared/db-1.sst", "shared/db-3.sst"]);
    });
}

/// A checkpoint whose manifest is not written.
fn take_unfinished(store: &CheckpointStore, id: u64, files: &[&str]) -> Manifest {
    let dir = tempfile::tempdir().unwrap();
    let part = store.write_part(CheckpointId(id), CHECKPOINT, "0", &state_in(dir.path(), files)).unwrap();
    manifest(id, CHECKPOINT, 0, vec![part])
}

#[test]
fn files_of_a_checkpoint_under_way_are_kept() {
    everywhere(|store| {
        let epoch = store.begin_epoch().unwrap();
        take_with_files(&store, 1, epoch, &["1.sst"]);
        let under_way = take_unfinished(&store, 3, &["3.sst"]);
        take_with_files(&store, 2, epoch, &["2.sst"]);
        store.collect_garbage("run", 1, Some(CheckpointId(3))).unwrap();
        store.commit(&Manifest { epoch, ..under_way }).unwrap();
        let shared: Vec<String> = objects(&store).into_iter().filter(|name| name.starts_with("shared/")).collect();
        assert_eq!(shared, ["shared/db-2.sst", "shared/db-3.sst"]);
    });
}

#[test]
fn files_that_an_earlier_run_has_left_are_deleted_after_the_first_checkpoint() {
    everywhere(|store| {
        store.begin_epoch().unwrap();
        take_with_files(&store, 1, 1, &["1.sst"]);
        take_unfinished(&store, 2, &["2.sst"]);
        store.begin_epoch().unwrap();
        store.collect_garbage("run", 1, None).unwrap();
        assert!(objects(&store).contains(&"shared/db-2.sst".to_owned()));
        take_with_files(&store, 3, 2, &["1.sst"]);
        store.collect_garbage("run", 1, None).unwrap();
        assert_eq!(objects(&store), ["chk-3/_metadata", "chk-3/part-0", "shared/db-1.sst"]);
    });
}

#[test]
fn no_file_is_deleted_while_a_manifest_cannot_be_read() {
    everywhere(|store| {
        take_with_files(&store, 1, 0, &["1.sst"]);
        store.objects.put("chk-1/_metadata", marker()).unwrap();
        take_with_files(&store, 2, 0, &["2.sst"]);
        take_with_files(&store, 3, 0, &["3.sst"]);
        store.collect_garbage("run", 1, None).unwrap();
        assert_eq!(numbers(&store), [1, 3]);
        for file in ["shared/db-1.sst", "shared/db-2.sst", "shared/db-3.sst"] {
            assert!(objects(&store).contains(&file.to_owned()), "{file}");
        }
    });
}

#[test]
fn numbers_of_deleted_snapshots_are_not_used_again() {
    everywhere(|store| {
        take_with_files(&store, 1, 0, &["1.sst"]);
        take(&store, 2, SAVEPOINT, 0).unwrap();
        store.delete(CheckpointId(2), SAVEPOINT).unwrap();
        store.delete(CheckpointId(1), CHECKPOINT).unwrap();
        assert_eq!(objects(&store), ["savepoint-2/_deleted"]);
        assert_eq!(store.next_id().unwrap(), CheckpointId(3));
        take(&store, 3, CHECKPOINT, 0).unwrap();
        store.collect_garbage("run", 1, None).unwrap();
        assert_eq!(store.snapshots().unwrap(), [(CheckpointId(3), CHECKPOINT)]);
    });
}
