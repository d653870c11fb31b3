//! Tests of the store: over a directory, in memory, and over S3 if there is a server (`scripts/s3`).

mod basics;
mod crash;
mod damage;
mod epochs;
mod fixture;
mod garbage;
mod restore;
#[cfg(feature = "s3")]
mod s3;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;

use super::CheckpointStore;
use crate::checkpoint::format::{Frame, ObjectKind};
use crate::checkpoint::{CheckpointError, CheckpointId, Manifest, OperatorMeta, PartRef, SnapshotKind};
use crate::state::{FileSet, KeyGroup, SharedFile, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

pub(super) const CHECKPOINT: SnapshotKind = SnapshotKind::Checkpoint;
pub(super) const SAVEPOINT: SnapshotKind = SnapshotKind::Savepoint;

/// Runs a test with a store of each kind.
#[track_caller]
fn everywhere(test: impl Fn(CheckpointStore)) {
    let dir = tempfile::tempdir().unwrap();
    // It need not be there.
    test(local(&dir.path().join("a job's/checkpoints")));
    test(CheckpointStore::over(Arc::new(InMemory::new()), "memory"));
    #[cfg(feature = "s3")]
    if let Some(store) = s3::store() {
        test(store);
    }
}

fn local(directory: &Path) -> CheckpointStore {
    CheckpointStore::open(directory.to_str().unwrap()).unwrap()
}

/// The state of a subtask, which depends on `value`.
fn state(value: u64) -> TaskSnapshot {
    let mut capture = TaskCapture::default();
    let operator = capture.operator("sum");
    operator.push("positions", &value).unwrap();
    operator.keyed("rows", KeyGroup(7)).extend(value.to_le_bytes());
    capture.complete().unwrap()
}

/// The state of a subtask with a database whose files are in a local directory.
fn state_in(local: &Path, files: &[&str]) -> TaskSnapshot {
    let file = |name: &&str| SharedFile { name: format!("db-{name}"), file: (*name).to_owned(), bytes: 3 };
    let set = FileSet {
        database: "db".to_owned(),
        subtask: 0,
        parallelism: 1,
        max_parallelism: 128,
        files: files.iter().map(file).collect(),
        sample: BTreeMap::new(),
        stored: String::new(),
        local: local.to_owned(),
    };
    for name in files {
        std::fs::write(local.join(name), name).unwrap();
    }
    let mut capture = TaskCapture::default();
    capture.operator("table").add_files("rows", set);
    capture.complete().unwrap()
}

/// A manifest of a run called "run".
fn manifest(id: u64, kind: SnapshotKind, epoch: u64, parts: Vec<PartRef>) -> Manifest {
    let meta = OperatorMeta { name: "sum".to_owned(), parallelism: 2, max_parallelism: 128 };
    Manifest {
        id: CheckpointId(id),
        kind,
        job: "job".to_owned(),
        lineage: "run".to_owned(),
        epoch,
        created: Timestamp::from_millis(1_700_000_000_000),
        unaligned: false,
        operators: BTreeMap::from([("sum".to_owned(), meta)]),
        parts,
        enumerators: BTreeMap::from([("source".to_owned(), vec![1, 2, 200])]),
        committables: BTreeMap::from([("sink".to_owned(), vec![vec![3; 40], Vec::new()])]),
    }
}

/// Takes a snapshot of two parts that hold its number.
fn take(store: &CheckpointStore, id: u64, kind: SnapshotKind, epoch: u64) -> Result<Manifest, CheckpointError> {
    let part = |name: &str| store.write_part(CheckpointId(id), kind, name, &state(id));
    let manifest = manifest(id, kind, epoch, vec![part("0")?, part("1")?]);
    store.commit(&manifest)?;
    Ok(manifest)
}

/// Takes a checkpoint with files of a database.
fn take_with_files(store: &CheckpointStore, id: u64, epoch: u64, files: &[&str]) -> Manifest {
    let dir = tempfile::tempdir().unwrap();
    let part = store.write_part(CheckpointId(id), CHECKPOINT, "0", &state_in(dir.path(), files)).unwrap();
    let manifest = manifest(id, CHECKPOINT, epoch, vec![part]);
    store.commit(&manifest).unwrap();
    manifest
}

/// An object that is none of a snapshot's.
fn marker() -> Frame {
    Frame::of_bytes(ObjectKind::Marker, Vec::new())
}

/// The numbers of the complete snapshots, the latest last.
fn numbers(store: &CheckpointStore) -> Vec<u64> {
    store.completed().unwrap().iter().map(|completed| completed.id.0).collect()
}

/// All objects but the claims of epochs, with parts by their subtasks.
fn objects(store: &CheckpointStore) -> Vec<String> {
    let named = |name: String| match name.split_once("part-") {
        Some((directory, part)) => format!("{directory}part-{}", part.split('-').next().unwrap()),
        None => name,
    };
    let all = store.objects.list("").unwrap().into_iter();
    let mut names: Vec<String> = all.filter(|name| !name.starts_with("epochs/")).map(named).collect();
    names.sort();
    names
}

/// Checks that a snapshot can be restored from: its parts hold its number.
#[track_caller]
fn assert_good(store: &CheckpointStore, manifest: &Manifest) {
    for part in &manifest.parts {
        assert_eq!(store.read_part(part).unwrap(), state(manifest.id.0), "snapshot {}", manifest.id);
    }
}
