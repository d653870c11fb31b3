//! A few entries of a snapshot, of every shape: small enough for a snapshot's metadata, and enough to try the types of
//! another version of the job against.
//!
//! A sample is a snapshot itself, so it is tried by restoring from it. An entry is worth keeping if it has a field, a variant
//! or a kind of value, at some place, that no entry before it has; values themselves do not count.

use std::collections::{BTreeMap, BTreeSet};

use rmpv::ValueRef;
use rmpv::decode::read_value_ref;
#[cfg(feature = "rocksdb")]
use serde_bytes::ByteBuf;

use super::KeyGroup;
use super::snapshot::{OperatorSnapshot, TaskSnapshot};

/// How many entries of a section are kept.
const MAX_ENTRIES: usize = 64;
/// How much of a key group's entries in a section is looked at. Keys are spread over groups by their hash, so the first
/// entries of each group are drawn at random among all keys.
const BYTES_PER_GROUP: usize = 16 << 10;
/// A map with more keys counts as one from values to values, in which all entries stand at the same place.
const MAX_FIELDS: usize = 32;
/// From this element on, all elements of an array stand at the same place.
const TUPLE_LEN: usize = 4;

/// The sections whose entries are a key and another value.
const PAIRS: [&str; 4] = [ROWS, "accumulators", "window rows", "patterns"];
/// The section whose entries are a key and a row, which is a map from the names of states.
const ROWS: &str = "rows";
/// The section whose entries are a key with a number of windows, then the windows.
const WINDOWS: &str = "windows";

impl TaskSnapshot {
    /// The sample of each operator.
    pub(crate) fn sampled(&self) -> Self {
        self.operators().map(|(uid, part)| (uid.to_owned(), part.sampled())).collect()
    }
}

impl OperatorSnapshot {
    fn sampled(&self) -> Self {
        let mut sample = Self::default();
        let mut shapes: BTreeMap<&str, Shapes> = BTreeMap::new();
        for (section, group, bytes) in self.inline().chain(self.of_files()) {
            let shapes = shapes.entry(section).or_default();
            let mut rest = &bytes[..bytes.len().min(BYTES_PER_GROUP)];
            while let Some((entry, values)) = next_entry(section, &mut rest) {
                if shapes.add(&values) {
                    sample.add_keyed(section, *group, entry);
                }
            }
        }
        for (section, entries) in self.list_sections() {
            let mut shapes = Shapes::default();
            for entry in entries.iter().filter(|entry| entry.len() <= BYTES_PER_GROUP) {
                if read_value_ref(&mut entry.as_slice()).is_ok_and(|value| shapes.add(&[value])) {
                    sample.add_entry(section, entry);
                }
            }
        }
        sample
    }

    /// The entries of key groups, with their section.
    fn inline(&self) -> impl Iterator<Item = (&str, &KeyGroup, &[u8])> {
        self.keyed_sections()
            .flat_map(|(section, groups)| groups.iter().map(move |(group, bytes)| (section, group, bytes.as_slice())))
    }

    /// Likewise, as far as file sets have a sample.
    fn of_files(&self) -> impl Iterator<Item = (&str, &KeyGroup, &[u8])> {
        self.sections_in_files().flat_map(|(section, sets)| {
            let groups = sets.iter().flat_map(|set| &set.sample);
            groups.map(move |(group, bytes)| (section, group, bytes.as_slice()))
        })
    }

    /// The names of the states of keys in a sample.
    pub(crate) fn keyed_states(&self) -> BTreeSet<String> {
        let mut states = BTreeSet::new();
        for (_, groups) in self.keyed_sections().filter(|(section, _)| *section == ROWS) {
            for bytes in groups.values() {
                let mut rest = bytes.as_slice();
                while let Some((_, values)) = next_entry(ROWS, &mut rest) {
                    if let ValueRef::Map(row) = &values[1] {
                        states.extend(row.iter().filter_map(|(key, _)| name(key)).map(str::to_owned));
                    }
                }
            }
        }
        states
    }

    /// Each entry of a sample as a snapshot of its own, so that what is wrong with one does not hide another.
    pub(crate) fn entries_apart(&self) -> Vec<Self> {
        let mut apart = Vec::new();
        for (section, groups) in self.keyed_sections() {
            for (group, bytes) in groups {
                let mut rest = bytes.as_slice();
                while let Some((entry, _)) = next_entry(section, &mut rest) {
                    let mut single = Self::default();
                    single.add_keyed(section, *group, entry);
                    apart.push(single);
                }
            }
        }
        for (section, entry) in
            self.list_sections().flat_map(|(section, all)| all.iter().map(move |one| (section, one)))
        {
            let mut single = Self::default();
            single.add_entry(section, entry);
            apart.push(single);
        }
        apart
    }
}

/// An entry of each shape among entries of a keyed section.
#[cfg(feature = "rocksdb")]
pub(crate) fn one_of_each_shape(section: &str, entries: BTreeMap<KeyGroup, ByteBuf>) -> BTreeMap<KeyGroup, ByteBuf> {
    let mut all = OperatorSnapshot::default();
    entries.iter().for_each(|(group, bytes)| all.add_keyed(section, *group, bytes));
    let sample = all.sampled();
    let kept = sample.inline().map(|(_, group, bytes)| (*group, ByteBuf::from(bytes)));
    kept.collect()
}

/// Takes an entry of a keyed section from the front, with the values that it is made up of; `None` at the end or where the
/// bytes have been cut off.
fn next_entry<'a>(section: &str, from: &mut &'a [u8]) -> Option<(&'a [u8], Vec<ValueRef<'a>>)> {
    let written = *from;
    let mut values = vec![read_value_ref(from).ok()?];
    if PAIRS.contains(&section) {
        values.push(read_value_ref(from).ok()?);
    } else if section == WINDOWS {
        let count = values[0].as_array()?.get(1)?.as_u64()?;
        for _ in 0..count {
            let window = read_value_ref(from).ok()?;
            let has_trigger = window.as_array()?.last() == Some(&ValueRef::Boolean(true));
            values.push(window);
            if has_trigger {
                values.extend([read_value_ref(from).ok()?, read_value_ref(from).ok()?]);
            }
        }
    }
    Some((&written[..written.len() - from.len()], values))
}

/// The shapes of the entries that have been kept.
#[derive(Default)]
struct Shapes {
    /// Places with the kinds of value found there.
    seen: BTreeSet<String>,
    kept: usize,
}

impl Shapes {
    /// Whether an entry has something new and there is room for it.
    fn add(&mut self, entry: &[ValueRef<'_>]) -> bool {
        if self.kept == MAX_ENTRIES {
            return false;
        }
        let before = self.seen.len();
        for (index, value) in entry.iter().enumerate() {
            self.note(&index.min(TUPLE_LEN).to_string(), value);
        }
        let is_new = self.seen.len() > before;
        self.kept += usize::from(is_new);
        is_new
    }

    fn note(&mut self, place: &str, value: &ValueRef<'_>) {
        let kind = match value {
            ValueRef::Nil => "nothing",
            ValueRef::Boolean(_) => "bool",
            ValueRef::Integer(_) => "integer",
            ValueRef::F32(_) | ValueRef::F64(_) => "float",
            ValueRef::String(_) => "text",
            ValueRef::Binary(_) | ValueRef::Ext(..) => "bytes",
            ValueRef::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.note(&format!("{place}[{}]", index.min(TUPLE_LEN)), element);
                }
                "array"
            }
            ValueRef::Map(entries) => return self.note_map(place, entries),
        };
        self.seen.insert(format!("{place}: {kind}"));
    }

    fn note_map(&mut self, place: &str, entries: &[(ValueRef<'_>, ValueRef<'_>)]) {
        let names: Option<Vec<&str>> = entries.iter().map(|(key, _)| name(key)).collect();
        match names.filter(|names| names.len() <= MAX_FIELDS) {
            Some(names) => {
                // A field may be missing, too.
                self.seen.insert(format!("{place}: {{{}}}", names.join(",")));
                names.iter().zip(entries).for_each(|(name, (_, value))| self.note(&format!("{place}.{name}"), value));
            }
            None => {
                for (key, value) in entries {
                    self.note(&format!("{place}{{key}}"), key);
                    self.note(&format!("{place}{{value}}"), value);
                }
            }
        }
    }
}

fn name<'a>(key: &ValueRef<'a>) -> Option<&'a str> {
    match key {
        ValueRef::String(text) => text.into_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::state::{KeyGroup, OperatorCapture, encode};

    #[derive(Serialize)]
    enum Kind {
        Plain,
        Named { of: Option<u64> },
    }

    /// How many of the rows are in the sample.
    #[track_caller]
    fn check<T: Serialize>(rows: &[T], expected: usize) {
        let mut capture = OperatorCapture::default();
        for (number, row) in rows.iter().enumerate() {
            let bytes = capture.keyed("rows", KeyGroup((number % 3) as u16));
            encode(&number, bytes).unwrap();
            encode(row, bytes).unwrap();
        }
        let sample = capture.complete().unwrap().sampled();
        assert_eq!(sample.entries_apart().len(), expected);
        assert_eq!(sample.sampled(), sample);
    }

    #[test]
    fn one_entry_of_each_shape_is_kept() {
        check(&[1, 2, 3, 4], 1);
        check(&[Some(1), None, Some(2), None], 2);
        let kinds = [None, Some(1), Some(2)].map(|of| Kind::Named { of });
        check(&kinds.into_iter().chain([Kind::Plain, Kind::Plain]).collect::<Vec<_>>(), 3);
        check(&[vec![], vec!["a"; 9], vec!["b"; 9]], 2);
    }

    #[test]
    fn the_keys_of_a_large_map_are_no_fields() {
        let map = |first: u32| (first..first + 50).map(|key| (key.to_string(), key)).collect();
        let maps: Vec<std::collections::BTreeMap<String, u32>> = [0, 100, 200].map(map).to_vec();
        check(&maps, 1);
    }

    #[test]
    fn a_sample_stays_small() {
        let rows: Vec<_> =
            (0..500).map(|row: u32| std::collections::BTreeMap::from([(row.to_string(), row)])).collect();
        check(&rows, MAX_ENTRIES);
    }
}
