//! What a subtask writes down and takes back.
//!
//! At a barrier each operator writes to an [`OperatorCapture`]: what is small at once, what is large as a frozen version
//! that is encoded later, on another thread. Completed, captures are snapshots.
//!
//! A subtask's snapshot holds a part per operator; an operator's part holds **keyed** sections (bytes per key group)
//! and **list** sections (any number of entries, spread anew when the parallelism changes). All bytes are MessagePack.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{FileSet, KeyGroup, KeyGroups, StateError};
use crate::data::Data;

/// The list section of how far event time has come, which every operator has.
pub(crate) const WATERMARK: &str = "watermark";

/// Appends a value as MessagePack with named fields.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, to: &mut Vec<u8>) -> Result<(), StateError> {
    rmp_serde::encode::write_named(to, value).map_err(|error| StateError::encode(&error))
}

/// Takes a value from the front.
pub(crate) fn decode<T: DeserializeOwned>(from: &mut &[u8], what: &'static str) -> Result<T, StateError> {
    let written = *from;
    rmp_serde::decode::from_read(from).map_err(|error| StateError::misfit::<T>(what, written, &error))
}

/// The state of one operator, of one subtask or (to be restored) of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorSnapshot {
    keyed: BTreeMap<String, BTreeMap<KeyGroup, ByteBuf>>,
    lists: BTreeMap<String, Vec<ByteBuf>>,
    /// Keyed sections, or parts of them, that are in files of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, Vec<FileSet>>,
}

impl OperatorSnapshot {
    /// Hands the entries of each key group among `groups` to `read`, which takes at least one from the front: a key and what
    /// belongs to it.
    pub(crate) fn read_keyed(
        &self,
        section: &str,
        groups: KeyGroups,
        mut read: impl FnMut(KeyGroup, &mut &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.read_inline(section, groups, &mut read)?;
        self.file_sets(section, groups).try_for_each(|set| set.read_keyed(groups, &mut read))
    }

    /// The file sets of a section that have rows of some key groups.
    pub(crate) fn file_sets(&self, section: &str, groups: KeyGroups) -> impl Iterator<Item = &FileSet> {
        let sets = self.files.get(section).into_iter().flatten();
        sets.filter(move |set| set.key_groups().overlaps(groups))
    }

    /// As [`OperatorSnapshot::read_keyed`], for what is in the snapshot itself.
    pub(crate) fn read_inline(
        &self,
        section: &str,
        groups: KeyGroups,
        mut read: impl FnMut(KeyGroup, &mut &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        for (group, bytes) in self.keyed.get(section).into_iter().flatten() {
            if groups.contains(*group) {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    read(*group, &mut rest)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a list section has been written.
    pub(crate) fn has_list(&self, section: &str) -> bool {
        self.lists.contains_key(section)
    }

    /// The entries of a list section.
    pub(crate) fn list<T: DeserializeOwned>(&self, section: &str) -> Result<Vec<T>, StateError> {
        self.share_of_list(section, 0, 1)
    }

    /// The entries of a list section that one of `parallelism` subtasks gets when they are dealt out in turn.
    pub(crate) fn share_of_list<T: DeserializeOwned>(
        &self,
        section: &str,
        subtask: usize,
        parallelism: usize,
    ) -> Result<Vec<T>, StateError> {
        let entries = self.lists.get(section).into_iter().flatten();
        let share = entries.skip(subtask).step_by(parallelism);
        share.map(|bytes| decode(&mut bytes.as_slice(), "an entry of a list")).collect()
    }

    /// The entries of each keyed section, by key group.
    pub(crate) fn keyed_sections(&self) -> impl Iterator<Item = (&str, &BTreeMap<KeyGroup, ByteBuf>)> {
        self.keyed.iter().map(|(section, groups)| (section.as_str(), groups))
    }

    /// The entries of each list section.
    pub(crate) fn list_sections(&self) -> impl Iterator<Item = (&str, &[ByteBuf])> {
        self.lists.iter().map(|(section, entries)| (section.as_str(), entries.as_slice()))
    }

    /// The file sets of each keyed section.
    pub(crate) fn sections_in_files(&self) -> impl Iterator<Item = (&str, &[FileSet])> {
        self.files.iter().map(|(section, sets)| (section.as_str(), sets.as_slice()))
    }

    /// Appends an entry, as it was written, to a keyed section.
    pub(super) fn add_keyed(&mut self, section: &str, group: KeyGroup, entry: &[u8]) {
        self.keyed.entry(section.to_owned()).or_default().entry(group).or_default().extend_from_slice(entry);
    }

    /// Appends an entry, as it was written, to a list section.
    pub(super) fn add_entry(&mut self, section: &str, entry: &[u8]) {
        self.lists.entry(section.to_owned()).or_default().push(ByteBuf::from(entry));
    }

    /// Whether something would be lost with it.
    pub(crate) fn holds_state(&self) -> bool {
        !self.keyed.is_empty() || !self.files.is_empty() || self.lists.keys().any(|section| section != WATERMARK)
    }

    fn merge(&mut self, other: Self) {
        for (section, groups) in other.keyed {
            let into = self.keyed.entry(section).or_default();
            for (group, mut bytes) in groups {
                into.entry(group).or_default().append(&mut bytes);
            }
        }
        for (section, mut entries) in other.lists {
            self.lists.entry(section).or_default().append(&mut entries);
        }
        for (section, mut sets) in other.files {
            self.files.entry(section).or_default().append(&mut sets);
        }
    }
}

/// The state of a subtask: a part per operator, by uid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    operators: BTreeMap<String, OperatorSnapshot>,
}

impl TaskSnapshot {
    /// The part of an operator, if it has one.
    pub(crate) fn get(&self, uid: &str) -> Option<&OperatorSnapshot> {
        self.operators.get(uid)
    }

    /// The parts of all operators, by uid.
    pub(crate) fn operators(&self) -> impl Iterator<Item = (&str, &OperatorSnapshot)> {
        self.operators.iter().map(|(uid, part)| (uid.as_str(), part))
    }

    /// The uids of operators with state of the user's or of a window, not only a watermark.
    pub(crate) fn stateful_uids(&self) -> impl Iterator<Item = &str> {
        self.operators.iter().filter(|(_, part)| part.holds_state()).map(|(uid, _)| uid.as_str())
    }

    /// The files of databases that hold some of its state.
    pub(crate) fn file_sets(&self) -> impl Iterator<Item = &FileSet> {
        self.operators.values().flat_map(|part| part.files.values().flatten())
    }

    pub(crate) fn file_sets_mut(&mut self) -> impl Iterator<Item = &mut FileSet> {
        self.operators.values_mut().flat_map(|part| part.files.values_mut().flatten())
    }

    /// Removes the local directories of its files, which have been stored, or will never be.
    pub(crate) fn remove_local_files(&self) {
        for set in self.file_sets() {
            if let Err(error) = std::fs::remove_dir_all(&set.local) {
                tracing::warn!("{} could not be removed: {error}", set.local.display());
            }
        }
    }

    /// The names of those files, in order.
    pub(crate) fn shared_files(&self) -> Vec<String> {
        let names = self.file_sets().flat_map(|set| set.files.iter().map(|file| file.name.clone()));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The snapshots of several subtasks as one, from which subtasks of any parallelism can be restored.
    pub fn merge(snapshots: impl IntoIterator<Item = Self>) -> Self {
        let mut merged = Self::default();
        for (uid, part) in snapshots.into_iter().flat_map(|snapshot| snapshot.operators) {
            merged.operators.entry(uid).or_default().merge(part);
        }
        merged
    }
}

impl FromIterator<(String, OperatorSnapshot)> for TaskSnapshot {
    fn from_iter<I: IntoIterator<Item = (String, OperatorSnapshot)>>(operators: I) -> Self {
        Self { operators: operators.into_iter().collect() }
    }
}

/// Entries of a keyed section that come in no order of key groups.
pub(crate) struct KeyedEntries {
    groups: KeyGroups,
    /// By key group, from the first of `groups` on.
    bytes: Vec<Vec<u8>>,
}

impl KeyedEntries {
    /// For keys that fall into `groups`.
    pub(crate) fn new(groups: KeyGroups) -> Self {
        Self { groups, bytes: groups.iter().map(|_| Vec::new()).collect() }
    }

    /// The bytes of a key's group, to append an entry to.
    pub(crate) fn of_hash(&mut self, hash: u64) -> &mut Vec<u8> {
        &mut self.bytes[self.groups.place_of(self.groups.group_of(hash))]
    }

    fn into_groups(self) -> impl Iterator<Item = (KeyGroup, Vec<u8>)> {
        self.groups.iter().zip(self.bytes).filter(|(_, bytes)| !bytes.is_empty())
    }
}

/// The encoding of a frozen version of some state, to be done on another thread.
type Deferred = Box<dyn FnOnce(&mut OperatorCapture) -> Result<(), StateError> + Send>;

/// The part of one operator of a snapshot being taken.
#[derive(Default)]
pub struct OperatorCapture {
    snapshot: OperatorSnapshot,
    deferred: Vec<Deferred>,
    canonical: bool,
}

impl OperatorCapture {
    pub(crate) fn new(canonical: bool) -> Self {
        Self { canonical, ..Self::default() }
    }

    /// Whether everything is to be in the snapshot itself, in the form that all state backends read: for savepoints.
    pub(crate) fn is_canonical(&self) -> bool {
        self.canonical
    }

    /// Adds what another has captured.
    pub(crate) fn append(&mut self, other: Self) {
        self.snapshot.merge(other.snapshot);
        self.deferred.extend(other.deferred);
    }

    /// The bytes of a key group in a keyed section, to append entries to.
    pub(crate) fn keyed(&mut self, section: &str, group: KeyGroup) -> &mut Vec<u8> {
        self.snapshot.keyed.entry(section.to_owned()).or_default().entry(group).or_default()
    }

    /// Appends entries to a keyed section.
    pub(crate) fn extend_keyed(&mut self, section: &str, entries: KeyedEntries) {
        for (group, mut bytes) in entries.into_groups() {
            self.keyed(section, group).append(&mut bytes);
        }
    }

    /// Appends an entry to a list section.
    pub(crate) fn push<T: Serialize>(&mut self, section: &str, value: &T) -> Result<(), StateError> {
        let mut bytes = Vec::new();
        encode(value, &mut bytes)?;
        self.snapshot.lists.entry(section.to_owned()).or_default().push(ByteBuf::from(bytes));
        Ok(())
    }

    /// Appends the files of a database to a keyed section.
    #[cfg(any(feature = "rocksdb", test))]
    pub(crate) fn add_files(&mut self, section: &str, set: FileSet) {
        self.snapshot.files.entry(section.to_owned()).or_default().push(set);
    }

    /// Has `encode` called later, on another thread: for state that takes long to encode, of which it holds a frozen
    /// version.
    pub(crate) fn defer(&mut self, encode: impl FnOnce(&mut Self) -> Result<(), StateError> + Send + 'static) {
        self.deferred.push(Box::new(encode));
    }

    /// Has the entries of a list section encoded later.
    pub(crate) fn defer_list<T: Data>(&mut self, section: &str, frozen: Arc<Vec<T>>) {
        let section = section.to_owned();
        self.defer(move |to| frozen.iter().try_for_each(|entry| to.push(&section, entry)));
    }

    pub(super) fn complete(mut self) -> Result<OperatorSnapshot, StateError> {
        for encode in std::mem::take(&mut self.deferred) {
            encode(&mut self)?;
        }
        Ok(self.snapshot)
    }
}

/// A subtask's snapshot being taken.
#[derive(Default)]
pub struct TaskCapture {
    operators: BTreeMap<String, OperatorCapture>,
    canonical: bool,
}

impl TaskCapture {
    /// Nothing yet. What is `canonical` can be restored by every state backend, whatever it was written by.
    pub(crate) fn new(canonical: bool) -> Self {
        Self { canonical, ..Self::default() }
    }

    /// The part of an operator, empty at first.
    pub(crate) fn operator(&mut self, uid: &str) -> &mut OperatorCapture {
        let canonical = self.canonical;
        self.operators.entry(uid.to_owned()).or_insert_with(|| OperatorCapture::new(canonical))
    }

    /// Encodes what was deferred.
    pub(crate) fn complete(self) -> Result<TaskSnapshot, StateError> {
        let operators = self.operators.into_iter().map(|(uid, part)| Ok((uid, part.complete()?)));
        Ok(TaskSnapshot { operators: operators.collect::<Result<_, _>>()? })
    }
}

#[cfg(all(test, not(feature = "rocksdb")))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn files_of_a_database_are_refused_by_a_binary_without_rocksdb() {
        let set = FileSet {
            database: "4711".to_owned(),
            subtask: 0,
            parallelism: 2,
            max_parallelism: 16,
            files: Vec::new(),
            sample: BTreeMap::new(),
            stored: String::new(),
            local: PathBuf::new(),
        };
        let files = BTreeMap::from([("rows".to_owned(), vec![set])]);
        let snapshot = OperatorSnapshot { files, ..OperatorSnapshot::default() };
        let read = |subtask| snapshot.read_keyed("rows", KeyGroups::of_subtask(subtask, 2, 16), |_, _| Ok(()));
        assert!(read(1).is_ok(), "the files are of other key groups");
        let error = read(0).unwrap_err().to_string();
        assert!(error.contains("4711") && error.contains("`rocksdb`"), "{error}");
    }
}
