//! What a subtask writes down and takes back.
//!
//! At a barrier each operator writes to an [`OperatorCapture`]: what is small at once, what is large as a frozen version
//! that is encoded later, on another thread. Completed, captures are snapshots.
//!
//! A subtask's snapshot holds a part per operator; an operator's part holds **keyed** sections (bytes per key group)
//! and **list** sections (any number of entries, spread anew when the parallelism changes). All bytes are MessagePack.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{KeyGroup, KeyGroups, StateError};
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
    keyed: BTreeMap<String, BTreeMap<KeyGroup, Vec<u8>>>,
    lists: BTreeMap<String, Vec<Vec<u8>>>,
}

impl OperatorSnapshot {
    /// Hands the bytes of each key group among `groups` to `read`, which takes entries from the front until none is left.
    pub(crate) fn read_keyed(
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
    pub(super) fn keyed_sections(&self) -> impl Iterator<Item = (&str, &BTreeMap<KeyGroup, Vec<u8>>)> {
        self.keyed.iter().map(|(section, groups)| (section.as_str(), groups))
    }

    /// The entries of each list section.
    pub(super) fn list_sections(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.lists.iter().map(|(section, entries)| (section.as_str(), entries.as_slice()))
    }

    /// Appends an entry, as it was written, to a keyed section.
    pub(super) fn add_keyed(&mut self, section: &str, group: KeyGroup, entry: &[u8]) {
        self.keyed.entry(section.to_owned()).or_default().entry(group).or_default().extend_from_slice(entry);
    }

    /// Appends an entry, as it was written, to a list section.
    pub(super) fn add_entry(&mut self, section: &str, entry: &[u8]) {
        self.lists.entry(section.to_owned()).or_default().push(entry.to_owned());
    }

    /// Whether something would be lost with it.
    fn holds_state(&self) -> bool {
        !self.keyed.is_empty() || self.lists.keys().any(|section| section != WATERMARK)
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

/// The encoding of a frozen version of some state, to be done on another thread.
type Deferred = Box<dyn FnOnce(&mut OperatorCapture) -> Result<(), StateError> + Send>;

/// The part of one operator of a snapshot being taken.
#[derive(Default)]
pub struct OperatorCapture {
    snapshot: OperatorSnapshot,
    deferred: Vec<Deferred>,
}

impl OperatorCapture {
    /// The bytes of a key group in a keyed section, to append entries to.
    pub(crate) fn keyed(&mut self, section: &str, group: KeyGroup) -> &mut Vec<u8> {
        self.snapshot.keyed.entry(section.to_owned()).or_default().entry(group).or_default()
    }

    /// Appends an entry to a list section.
    pub(crate) fn push<T: Serialize>(&mut self, section: &str, value: &T) -> Result<(), StateError> {
        let mut bytes = Vec::new();
        encode(value, &mut bytes)?;
        self.snapshot.lists.entry(section.to_owned()).or_default().push(bytes);
        Ok(())
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
}

impl TaskCapture {
    /// The part of an operator, empty at first.
    pub(crate) fn operator(&mut self, uid: &str) -> &mut OperatorCapture {
        self.operators.entry(uid.to_owned()).or_default()
    }

    /// Encodes what was deferred.
    pub(crate) fn complete(self) -> Result<TaskSnapshot, StateError> {
        let operators = self.operators.into_iter().map(|(uid, part)| Ok((uid, part.complete()?)));
        Ok(TaskSnapshot { operators: operators.collect::<Result<_, _>>()? })
    }
}
