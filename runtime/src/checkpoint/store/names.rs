//! How objects are named.
//!
//! ```text
//! chk-7/_metadata       the manifest; a snapshot is complete once it is there
//! chk-7/part-3-5f0c..   the state of one subtask
//! chk-7/_committed      its output has been made visible
//! chk-7/_deleted        nothing but the number is left of it
//! savepoint-8/files/..  files of databases; a savepoint has its own
//! shared/..             files of databases that checkpoints share
//! epochs/12             a run has begun; later runs have higher numbers
//! ```

use std::hash::{BuildHasher, RandomState};

use crate::checkpoint::{CheckpointId, SnapshotKind};

pub(super) const METADATA: &str = "_metadata";
pub(super) const COMMITTED: &str = "_committed";
pub(super) const DELETED: &str = "_deleted";
pub(super) const SHARED: &str = "shared";
pub(super) const FILES: &str = "files";
pub(super) const EPOCHS: &str = "epochs";
const PART: &str = "part-";

/// The directory of a snapshot.
pub(super) fn directory(id: CheckpointId, kind: SnapshotKind) -> String {
    match kind {
        SnapshotKind::Checkpoint => format!("chk-{id}"),
        SnapshotKind::Savepoint => format!("savepoint-{id}"),
    }
}

/// Which snapshot a directory is of, if it is of one.
pub(super) fn parse_directory(name: &str) -> Option<(CheckpointId, SnapshotKind)> {
    let (kind, id) = match name.split_once('-')? {
        ("chk", id) => (SnapshotKind::Checkpoint, id),
        ("savepoint", id) => (SnapshotKind::Savepoint, id),
        _ => return None,
    };
    let id = CheckpointId(id.parse().ok()?);
    (directory(id, kind) == name).then_some((id, kind))
}

/// A part's object. No two have the same, so a run that has been superseded cannot spoil its successor's.
pub(super) fn part(name: &str) -> String {
    format!("{PART}{name}-{:016x}", RandomState::new().hash_one(name))
}

pub(super) fn is_part(object: &str) -> bool {
    object.starts_with(PART)
}
