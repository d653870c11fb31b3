//! TEMPORARY
use super::CheckpointId;
use crate::state::TaskSnapshot;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckpointError(pub String);
impl From<std::io::Error> for CheckpointError {
    fn from(e: std::io::Error) -> Self {
        Self(e.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotKind {
    Checkpoint,
    Savepoint,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartRef {
    pub path: String,
    pub bytes: u64,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorMeta {
    pub name: String,
    pub parallelism: usize,
    pub max_parallelism: usize,
    pub states: Vec<()>,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    pub id: CheckpointId,
    pub kind: SnapshotKind,
    pub job: String,
    pub lineage: String,
    pub epoch: u64,
    pub created: Timestamp,
    pub unaligned: bool,
    pub operators: BTreeMap<String, OperatorMeta>,
    pub parts: Vec<PartRef>,
    pub enumerators: BTreeMap<String, Vec<u8>>,
    pub committables: BTreeMap<String, Vec<Vec<u8>>>,
}
#[derive(Debug, Clone)]
pub struct Completed {
    pub id: CheckpointId,
    pub kind: SnapshotKind,
    pub path: String,
}
#[derive(Debug, Clone)]
pub struct CheckpointStore {
    dir: PathBuf,
}
impl CheckpointStore {
    pub fn open(location: &str) -> Result<Self, CheckpointError> {
        Ok(Self { dir: location.into() })
    }
    pub fn begin_epoch(&self) -> Result<u64, CheckpointError> {
        Ok(0)
    }
    fn dir_of(&self, id: CheckpointId, kind: SnapshotKind) -> PathBuf {
        self.dir.join(format!("{}-{}", if kind == SnapshotKind::Checkpoint { "chk" } else { "savepoint" }, id.0))
    }
    pub fn path_of(&self, id: CheckpointId, kind: SnapshotKind) -> String {
        self.dir_of(id, kind).display().to_string()
    }
    pub fn write_part(
        &self,
        id: CheckpointId,
        kind: SnapshotKind,
        name: &str,
        snapshot: &TaskSnapshot,
    ) -> Result<PartRef, CheckpointError> {
        let dir = self.dir_of(id, kind);
        std::fs::create_dir_all(&dir)?;
        let bytes = rmp_serde::to_vec_named(snapshot).unwrap();
        std::fs::write(dir.join(name), &bytes)?;
        Ok(PartRef { path: dir.join(name).display().to_string(), bytes: bytes.len() as u64 })
    }
    pub fn commit(&self, m: &Manifest) -> Result<(), CheckpointError> {
        let dir = self.dir_of(m.id, m.kind);
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join(".tmp"), rmp_serde::to_vec_named(m).unwrap())?;
        std::fs::rename(dir.join(".tmp"), dir.join("_metadata"))?;
        Ok(())
    }
    pub fn completed(&self) -> Result<Vec<Completed>, CheckpointError> {
        let mut all = Vec::new();
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return Ok(all) };
        for e in entries {
            let e = e?;
            let name = e.file_name().into_string().unwrap();
            if !e.path().join("_metadata").exists() {
                continue;
            }
            if let Some(n) = name.strip_prefix("chk-") {
                all.push(Completed {
                    id: CheckpointId(n.parse().unwrap()),
                    kind: SnapshotKind::Checkpoint,
                    path: e.path().display().to_string(),
                })
            }
            if let Some(n) = name.strip_prefix("savepoint-") {
                all.push(Completed {
                    id: CheckpointId(n.parse().unwrap()),
                    kind: SnapshotKind::Savepoint,
                    path: e.path().display().to_string(),
                })
            }
        }
        all.sort_by_key(|c| c.id);
        Ok(all)
    }
    pub fn next_id(&self) -> Result<CheckpointId, CheckpointError> {
        let mut max = 0;
        if let Ok(entries) = std::fs::read_dir(&self.dir) {
            for e in entries {
                let n = e?.file_name().into_string().unwrap();
                if let Some(n) = n.rsplit('-').next().and_then(|n| n.parse::<u64>().ok()) {
                    max = max.max(n)
                }
            }
        }
        Ok(CheckpointId(max + 1))
    }
    pub fn load(&self, path: &str) -> Result<Manifest, CheckpointError> {
        let dir = if path == "latest" {
            PathBuf::from(
                &self
                    .completed()?
                    .last()
                    .ok_or(CheckpointError(format!("{}: no completed checkpoint", self.dir.display())))?
                    .path,
            )
        } else {
            PathBuf::from(path)
        };
        rmp_serde::from_slice(&std::fs::read(dir.join("_metadata"))?).map_err(|e| CheckpointError(e.to_string()))
    }
    pub fn latest_of(&self, lineage: &str) -> Result<Option<Manifest>, CheckpointError> {
        for c in self.completed()?.iter().rev() {
            let m = self.load(&c.path)?;
            if m.lineage == lineage {
                return Ok(Some(m));
            }
        }
        Ok(None)
    }
    pub fn read_part(&self, p: &PartRef) -> Result<TaskSnapshot, CheckpointError> {
        rmp_serde::from_slice(&std::fs::read(&p.path)?).map_err(|e| CheckpointError(e.to_string()))
    }
    pub fn is_committed(&self, id: CheckpointId, kind: SnapshotKind) -> Result<bool, CheckpointError> {
        Ok(self.dir_of(id, kind).join("_committed").exists())
    }
    pub fn mark_committed(&self, id: CheckpointId, kind: SnapshotKind) -> Result<(), CheckpointError> {
        Ok(std::fs::write(self.dir_of(id, kind).join("_committed"), "")?)
    }
    pub fn collect_garbage(
        &self,
        lineage: &str,
        retain: usize,
        _o: Option<CheckpointId>,
    ) -> Result<usize, CheckpointError> {
        let mut mine: Vec<Completed> = Vec::new();
        for c in self.completed()? {
            if c.kind == SnapshotKind::Checkpoint && self.load(&c.path)?.lineage == lineage {
                mine.push(c)
            }
        }
        let n = mine.len().saturating_sub(retain);
        for c in &mine[..n] {
            std::fs::remove_file(Path::new(&c.path).join("_metadata"))?;
            std::fs::remove_dir_all(&c.path)?;
        }
        Ok(n)
    }
}
pub fn resolve(restore: &str, dir: Option<&str>) -> Result<(CheckpointStore, Manifest), CheckpointError> {
    if restore == "latest" {
        let store = CheckpointStore::open(dir.ok_or(CheckpointError("latest needs a dir".into()))?)?;
        let m = store.load("latest")?;
        return Ok((store, m));
    }
    let p = Path::new(restore);
    let store = CheckpointStore { dir: p.parent().unwrap().to_owned() };
    let m = store.load(restore)?;
    Ok((store, m))
}
