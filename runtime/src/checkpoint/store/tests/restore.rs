//! What `--restore` accepts, and what it says of the rest.

use super::*;
use crate::checkpoint::resolve;

/// A directory with two checkpoints and a savepoint, the latest.
fn prepared() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    take(&store, 1, CHECKPOINT, 0).unwrap();
    take_with_files(&store, 2, 0, &["1.sst"]);
    let files = tempfile::tempdir().unwrap();
    let part = store.write_part(CheckpointId(3), SAVEPOINT, "0", &state_in(files.path(), &["1.sst"])).unwrap();
    store.commit(&manifest(3, SAVEPOINT, 0, vec![part])).unwrap();
    store.mark_committed(CheckpointId(3), SAVEPOINT).unwrap();
    dir
}

/// Checks that a path means a snapshot that can be read.
#[track_caller]
fn accepted(path: &Path, id: u64) -> (CheckpointStore, Manifest) {
    let (store, manifest) = resolve(path.to_str().unwrap(), None).unwrap();
    assert_eq!(manifest.id, CheckpointId(id));
    for part in &manifest.parts {
        for set in store.read_part(part).unwrap().file_sets_mut() {
            store.fetch_files(set, tempfile::tempdir().unwrap().path()).unwrap();
        }
    }
    (store, manifest)
}

#[track_caller]
fn refused(path: &Path, expected: &str) {
    let path = path.to_str().unwrap();
    let error = resolve(path, None).unwrap_err().to_string();
    assert!(error.contains(path) && error.contains(expected), "{error}");
}

#[test]
fn a_snapshot_is_named_by_its_directory_or_its_metadata() {
    let dir = prepared();
    let (store, manifest) = accepted(&dir.path().join("chk-1"), 1);
    assert!(store.path_of(manifest.id, manifest.kind).ends_with("/chk-1"));
    accepted(&dir.path().join("chk-2/"), 2);
    accepted(&dir.path().join("savepoint-3/_metadata"), 3);
    accepted(&dir.path().join("chk-1/../chk-2"), 2);
}

#[test]
fn a_checkpoint_directory_means_its_latest_snapshot() {
    let dir = prepared();
    accepted(dir.path(), 3);
    let location = dir.path().to_str().unwrap();
    assert_eq!(resolve("latest", Some(location)).unwrap().1.id, CheckpointId(3));
    assert_eq!(resolve("latest", Some(&format!("file://{location}"))).unwrap().1.id, CheckpointId(3));
}

#[test]
fn a_savepoint_may_be_moved() {
    let (dir, elsewhere) = (prepared(), tempfile::tempdir().unwrap());
    let moved = elsewhere.path().join("before the upgrade");
    std::fs::rename(dir.path().join("savepoint-3"), &moved).unwrap();
    drop(dir);
    let (store, manifest) = accepted(&moved, 3);
    assert_eq!(store.path_of(manifest.id, manifest.kind), moved.to_str().unwrap());
    assert!(store.is_committed(manifest.id, manifest.kind).unwrap());
}

#[test]
fn where_there_is_no_snapshot_it_says_what_there_is() {
    let dir = prepared();
    let path = |name: &str| dir.path().join(name);
    refused(&path("chk-9"), "nothing at");
    for id in [7, 8, 9] {
        local(&path("failed")).write_part(CheckpointId(id), CHECKPOINT, "0", &state(id)).unwrap();
    }
    refused(&path("failed"), "no snapshot in");
    refused(&path("failed"), "3 incomplete");
    refused(&path("failed/chk-8"), "never completed");
    std::fs::create_dir(path("photos")).unwrap();
    refused(&path("photos"), "nothing at");
    std::fs::write(path("photos/cat.jpg"), "meow").unwrap();
    refused(&path("photos"), "not a snapshot");
    refused(&path("photos/cat.jpg"), "not a file of a snapshot");
    std::fs::copy(path("chk-1/_metadata"), path("photos/metadata")).unwrap();
    refused(&path("photos/metadata"), "not a snapshot");
}

#[test]
fn a_part_is_not_taken_for_a_snapshot() {
    let dir = prepared();
    let part = local(dir.path()).load(&dir.path().join("chk-1").display().to_string()).unwrap().parts.remove(0);
    refused(&dir.path().join(part.path), "this is a part of a snapshot, where the metadata of a snapshot should be");
}

#[test]
fn latest_needs_a_directory() {
    let error = resolve("latest", None).unwrap_err().to_string();
    assert!(error.contains("--checkpoint-dir"), "{error}");
}
