//! The store or the process may fail after every single operation.

use object_store::ObjectStore;

use super::*;
use crate::checkpoint::store::faulty::{Fault, Faulty};

/// Each step of a checkpoint's life after `chk-1`, until one fails.
fn second_checkpoint(store: &CheckpointStore, epoch: u64) -> Result<(), CheckpointError> {
    let dir = tempfile::tempdir().unwrap();
    let files = store.write_part(CheckpointId(2), CHECKPOINT, "files", &state_in(dir.path(), &["2.sst"]))?;
    let rows = store.write_part(CheckpointId(2), CHECKPOINT, "rows", &state(2))?;
    store.commit(&manifest(2, CHECKPOINT, epoch, vec![files, rows]))?;
    store.mark_committed(CheckpointId(2), CHECKPOINT)?;
    store.collect_garbage("run", 1, None)?;
    Ok(())
}

/// Checks that all of a snapshot can be read.
#[track_caller]
fn assert_complete(store: &CheckpointStore, manifest: &Manifest) {
    let dir = tempfile::tempdir().unwrap();
    for part in &manifest.parts {
        let mut part = store.read_part(part).unwrap();
        part.file_sets_mut().for_each(|set| assert!(store.fetch_files(set, dir.path()).is_ok()));
    }
}

#[track_caller]
fn check(fault: Fault) {
    for operations in 0.. {
        let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let sound = CheckpointStore::over(Arc::clone(&inner), "store");
        assert_eq!(sound.begin_epoch().unwrap(), 1);
        take_with_files(&sound, 1, 1, &["1.sst"]);
        sound.write_part(CheckpointId(1), SAVEPOINT, "abandoned", &state(0)).unwrap();

        let faulty = Faulty::after(operations, fault, inner);
        let result = second_checkpoint(&CheckpointStore::over(Arc::new(faulty.clone()), "store"), 1);

        // The next run.
        let next = sound.next_id().unwrap();
        assert_eq!(sound.begin_epoch().unwrap(), 2);
        let latest = sound.latest().unwrap().expect("one of the two");
        assert!([1, 2].contains(&latest.id.0) && latest.id < next, "{latest:?}");
        assert_complete(&sound, &latest);
        take_with_files(&sound, next.0, 2, &["3.sst"]);
        sound.collect_garbage("run", 1, None).unwrap();
        let chk = format!("chk-{next}");
        let expected = [format!("{chk}/_metadata"), format!("{chk}/part-0"), "shared/db-3.sst".to_owned()];
        assert_eq!(objects(&sound), expected, "after {operations} operations");

        if !faulty.has_failed() {
            result.unwrap();
            assert!(operations > 15, "{operations}");
            return;
        }
        assert_eq!(numbers(&sound), [next.0]);
    }
}

#[test]
fn the_latest_snapshot_is_good_wherever_a_run_is_interrupted() {
    check(Fault::Refused);
}

#[test]
fn the_latest_snapshot_is_good_whichever_answer_is_lost() {
    check(Fault::AnswerLost);
}

#[test]
fn a_commit_whose_answer_was_lost_is_recognised() {
    let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let sound = CheckpointStore::over(Arc::clone(&inner), "store");
    let manifest = manifest(1, CHECKPOINT, 0, Vec::new());
    sound.commit(&manifest).unwrap();
    sound.commit(&manifest).unwrap();
}
