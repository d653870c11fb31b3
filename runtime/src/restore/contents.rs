//! What a snapshot holds of an operator, for people.

use std::collections::BTreeSet;

use rmpv::decode::read_value;

use crate::observe::number::grouped;
use crate::state::operator_state;
use crate::state::{OperatorSnapshot, WATERMARK};
use crate::task::{SPLIT_READERS, SPLITS};

/// Of so many splits the positions are kept.
const MAX_POSITIONS: usize = 5;
/// A longer position is cut off.
const MAX_POSITION_CHARS: usize = 160;

/// What the parts of an operator, which have been added one by one, hold together.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    /// Without keys and values that are in files of a database.
    pub(super) bytes: u64,
    /// Whether something would be lost with it.
    pub(super) is_stateful: bool,
    /// A database that keeps some of it in files.
    pub(super) database: Option<String>,
    /// Whether there is a sample of what is in files.
    has_sample: bool,
    /// How many splits its subtasks had to read.
    pub(super) splits: usize,
    /// How far the first of them were read.
    pub(super) positions: Vec<String>,
    sections: BTreeSet<String>,
    keyed_states: BTreeSet<String>,
}

impl Contents {
    /// Adds a subtask's part, of which there is a sample.
    pub(super) fn add(&mut self, part: &OperatorSnapshot, sample: &OperatorSnapshot) {
        self.is_stateful |= part.holds_state();
        self.keyed_states.extend(sample.keyed_states());
        for (section, groups) in part.keyed_sections() {
            self.sections.insert(section.to_owned());
            self.bytes += groups.values().map(|bytes| bytes.len() as u64).sum::<u64>();
        }
        for (section, entries) in part.list_sections() {
            self.sections.insert(section.to_owned());
            self.bytes += entries.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
            if section == SPLITS {
                self.splits += entries.len();
                let room = MAX_POSITIONS.saturating_sub(self.positions.len());
                self.positions.extend(entries.iter().take(room).map(|entry| position(entry)));
            }
        }
        for (section, sets) in part.sections_in_files() {
            self.sections.insert(section.to_owned());
            self.database = self.database.take().or_else(|| sets.first().map(|set| set.database.clone()));
            self.has_sample |= sets.iter().any(|set| !set.sample.is_empty());
        }
    }

    /// Kinds of state and their size, such as ``keyed state `total`, timers, 1,234 bytes``.
    pub(super) fn describe(&self) -> String {
        let mut kinds: Vec<String> = Vec::new();
        for kind in self.sections.iter().filter_map(|section| self.kind(section)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds.push(format!("{} bytes", grouped(self.bytes)));
        kinds.extend(self.database.is_some().then(|| match self.has_sample {
            true => "the rest in files of a database".to_owned(),
            false => "the rest in files of a database, which is not tried".to_owned(),
        }));
        kinds.join(", ")
    }

    fn kind(&self, section: &str) -> Option<String> {
        let kind = match section {
            "rows" if self.keyed_states.is_empty() => "keyed state",
            "rows" => {
                let names: Vec<_> = self.keyed_states.iter().map(|name| format!("`{name}`")).collect();
                return Some(format!("keyed state {}", names.join(", ")));
            }
            "accumulators" => "accumulators",
            "panes" | "windows" | "firings" => "windows",
            "event-timers" | "processing-timers" => "timers",
            "in-flight" => "records in flight",
            SPLITS => "source positions",
            WATERMARK | SPLIT_READERS | "watermarks" | "split-watermarks" => return None,
            _ => {
                let name = operator_state::name_of_section(section);
                return Some(name.map_or_else(|| section.to_owned(), |name| format!("operator state `{name}`")));
            }
        };
        Some(kind.to_owned())
    }
}

/// A split with how far it was read, as far as that can be told without its type.
fn position(mut entry: &[u8]) -> String {
    let Ok(value) = read_value(&mut entry) else { return "(unreadable)".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(MAX_POSITION_CHARS) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::{KeyGroup, OperatorCapture, TaskCapture, encode};

    fn contents(parts: &[&dyn Fn(&mut OperatorCapture)]) -> Contents {
        let mut contents = Contents::default();
        for write in parts {
            let mut capture = TaskCapture::default();
            write(capture.operator("uid"));
            let part = capture.complete().unwrap();
            contents.add(part.get("uid").unwrap(), part.sampled().get("uid").unwrap());
        }
        contents
    }

    fn write_row(state: &str, to: &mut OperatorCapture) {
        let rows = to.keyed("rows", KeyGroup(1));
        encode(&7, rows).unwrap();
        encode(&BTreeMap::from([(state, 1)]), rows).unwrap();
        to.push("state rules", &1).unwrap();
        to.push(WATERMARK, &7).unwrap();
    }

    #[test]
    fn states_are_named_and_sizes_added_up() {
        let contents = contents(&[&|to| write_row("sum", to), &|to| write_row("seen", to)]);
        assert_eq!(contents.describe(), "keyed state `seen`, `sum`, operator state `rules`, 19 bytes");
        assert!(contents.is_stateful);
    }

    #[test]
    fn a_watermark_alone_is_no_state() {
        let contents = contents(&[&|to| to.push(WATERMARK, &7).unwrap()]);
        assert!(!contents.is_stateful);
    }

    #[test]
    fn the_first_positions_of_many_are_kept() {
        let contents = contents(&[&|to| {
            (0..9).for_each(|split| to.push(SPLITS, &BTreeMap::from([("offset", split)])).unwrap());
        }]);
        assert_eq!((contents.splits, contents.positions.len()), (9, MAX_POSITIONS));
        assert_eq!(contents.positions[1], "{\"offset\": 1}");
    }
}
