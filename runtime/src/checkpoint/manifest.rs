//! What a snapshot says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::CheckpointId;
use crate::time::Timestamp;

/// Who a snapshot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SnapshotKind {
    /// For the job itself, which deletes it when newer ones are there. May share files with others.
    Checkpoint,
    /// For people: kept until they delete it. Its directory holds all of it, and may be moved.
    Savepoint,
}

/// What a complete snapshot consists of. Its presence in the store is what makes the snapshot complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) id: CheckpointId,
    pub(crate) kind: SnapshotKind,
    /// The job's name.
    pub(crate) job: String,
    /// The run that the checkpoint belongs to, and which may delete it.
    pub(crate) lineage: String,
    /// The epoch in which it was taken: later ones go before.
    pub(crate) epoch: u64,
    /// When it was triggered.
    pub(crate) created: Timestamp,
    /// Whether barriers may have overtaken records, which then are in the parts.
    pub(crate) unaligned: bool,
    /// By uid.
    pub(crate) operators: BTreeMap<String, OperatorMeta>,
    pub(crate) parts: Vec<PartRef>,
    /// What the sources' enumerators have written, by the source's uid.
    #[serde(default)]
    pub(crate) enumerators: BTreeMap<String, Vec<u8>>,
    /// The output that the snapshot makes visible, by the sink's uid.
    #[serde(default)]
    pub(crate) committables: BTreeMap<String, Vec<Vec<u8>>>,
}

/// An operator as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OperatorMeta {
    pub(crate) name: String,
    pub(crate) parallelism: usize,
    pub(crate) max_parallelism: usize,
}

/// A part of a snapshot: the state of one subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRef {
    /// The object: in the store; in the manifest as it is stored, in the snapshot's directory.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) checksum: u64,
    /// The files of databases that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<String>,
}

impl Manifest {
    /// As it is stored in `directory`: names relative to that, so that the directory can be moved.
    pub(super) fn relative_to(mut self, directory: &str) -> Self {
        let prefix = format!("{directory}/");
        let strip = |path: &mut String| {
            if let Some(rest) = path.strip_prefix(&prefix) {
                *path = rest.to_owned();
            }
        };
        for part in &mut self.parts {
            strip(&mut part.path);
            part.files.iter_mut().for_each(strip);
        }
        self
    }

    /// As it is used once found in `directory`: names as the store has them.
    pub(super) fn found_in(mut self, directory: &str) -> Self {
        for part in &mut self.parts {
            part.path = format!("{directory}/{}", part.path);
            // A name without a folder is that of a file that checkpoints share.
            for file in part.files.iter_mut().filter(|file| file.contains('/')) {
                *file = format!("{directory}/{file}");
            }
        }
        self
    }
}
