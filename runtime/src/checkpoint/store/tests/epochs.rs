//! Of two runs, only the later one completes snapshots.

use super::*;

#[test]
fn epochs_count_up() {
    everywhere(|store| {
        assert_eq!([(); 3].map(|()| store.begin_epoch().unwrap()), [1, 2, 3]);
        assert_eq!(store.objects.list("epochs").unwrap(), ["3"]);
    });
}

#[test]
fn a_run_that_was_superseded_completes_nothing_and_is_told_so() {
    everywhere(|store| {
        let old = store.begin_epoch().unwrap();
        take(&store, 1, CHECKPOINT, old).unwrap();
        let new = store.begin_epoch().unwrap();
        let error = take(&store, 2, CHECKPOINT, old).unwrap_err();
        assert!(matches!(error, CheckpointError::Superseded { own: 1, newer: 2, .. }), "{error}");
        assert_eq!(numbers(&store), [1]);
        take(&store, 3, CHECKPOINT, new).unwrap();
    });
}

#[test]
fn a_late_snapshot_of_an_earlier_epoch_is_not_the_latest() {
    everywhere(|store| {
        for epoch in [1, 2] {
            assert_eq!(store.begin_epoch().unwrap(), epoch);
        }
        take(&store, 5, CHECKPOINT, 2).unwrap();
        // As a run does that was held up between looking for later runs and writing.
        let frame = store.frame(ObjectKind::Manifest, "", &manifest(9, CHECKPOINT, 1, vec![]));
        assert!(store.objects.create("chk-9/_metadata", frame.unwrap()).unwrap());
        assert_eq!(numbers(&store), [9, 5]);
        assert_eq!(store.latest().unwrap().unwrap().id, CheckpointId(5));
    });
}

#[test]
fn two_runs_cannot_both_complete_a_snapshot() {
    everywhere(|store| {
        let first = take(&store, 1, CHECKPOINT, 0).unwrap();
        let error = take(&store, 1, CHECKPOINT, 0).unwrap_err().to_string();
        assert!(error.contains("chk-1/_metadata") && error.contains("another run"), "{error}");
        assert_eq!(store.latest().unwrap().unwrap(), first);
        assert_good(&store, &first);
    });
}
