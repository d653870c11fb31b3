//! Snapshots of earlier releases are read by this one.

use std::path::PathBuf;

use super::*;
use crate::checkpoint::resolve;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/snapshot-v1")
}

/// Has written the fixture, with the first release of format version 1; never to be written again.
#[test]
#[ignore = "writes what is to be read for ever"]
fn write_version_1() {
    let store = local(&fixture());
    let epoch = store.begin_epoch().unwrap();
    take(&store, 1, CHECKPOINT, epoch).unwrap();
    store.mark_committed(CheckpointId(1), CHECKPOINT).unwrap();
    take_with_files(&store, 2, epoch, &["000012.sst"]);
    take(&store, 3, SAVEPOINT, epoch).unwrap();
}

#[test]
fn snapshots_of_format_version_1_are_read() {
    let path = |name: &str| fixture().join(name).to_str().unwrap().to_owned();
    let (store, first) = resolve(&path("chk-1"), None).unwrap();
    assert_eq!(Manifest { parts: Vec::new(), ..first.clone() }, manifest(1, CHECKPOINT, 1, Vec::new()));
    assert_eq!(first.parts.len(), 2);
    assert_good(&store, &first);
    assert!(store.is_committed(first.id, first.kind).unwrap());

    let (store, second) = resolve(&path("chk-2"), None).unwrap();
    let mut read = store.read_part(&second.parts[0]).unwrap();
    let to = tempfile::tempdir().unwrap();
    let set = read.file_sets_mut().next().unwrap();
    assert_eq!(store.fetch_files(set, to.path()).unwrap(), 10);
    assert_eq!(std::fs::read(to.path().join("000012.sst")).unwrap(), b"000012.sst");

    let (store, savepoint) = resolve(&fixture().to_string_lossy(), None).unwrap();
    assert_eq!((savepoint.id, savepoint.kind), (CheckpointId(3), SAVEPOINT));
    assert_good(&store, &savepoint);
}
