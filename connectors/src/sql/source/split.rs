//! A range of keys, with the reading position.

use std::sync::Arc;

use millstream::connector::Split;
use serde::{Deserialize, Serialize};

use super::super::table::{Bounds, Lower, Table};

/// The rows of a table from one key to another. Keys are as the server writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgSplit {
    id: Arc<str>,
    table: Arc<str>,
    /// The type of the key.
    pub(super) key_type: Arc<str>,
    /// The first key; `None` for that of the table.
    from: Option<Arc<str>>,
    /// The first key that is not in the range; `None` if the range goes to the table's end.
    to: Option<Arc<str>>,
    /// The last key that has been read.
    last: Option<Arc<str>>,
    /// How many rows have been read.
    read: u64,
}

impl PgSplit {
    /// Cuts a table into ranges, given the first keys of all but the first.
    pub(super) fn cut(table: &Table, key: &str, key_type: &str, firsts: Vec<String>) -> Vec<Self> {
        let (table_name, key_type): (Arc<str>, Arc<str>) = (table.to_string().into(), key_type.into());
        let bounds: Vec<Option<Arc<str>>> =
            std::iter::once(None).chain(firsts.into_iter().map(|first| Some(first.into()))).chain([None]).collect();
        let split = |range: &[Option<Arc<str>>]| {
            let (from, to) = (range[0].clone(), range[1].clone());
            let bound =
                |name: &str, key: &Option<Arc<str>>| key.as_ref().map_or(String::new(), |key| format!(" {name} {key}"));
            let id = format!("{table} by {key}{}{}", bound("from", &from), bound("to", &to)).into();
            let (table, key_type) = (Arc::clone(&table_name), Arc::clone(&key_type));
            Self { id, table, key_type, from, to, last: None, read: 0 }
        };
        bounds.windows(2).map(split).collect()
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// Which bounds the rest of the range has, and what they are.
    pub(super) fn rest(&self) -> (Bounds, Vec<&str>) {
        let (lower, from) = match (&self.last, &self.from) {
            (Some(last), _) => (Lower::After, Some(last)),
            (None, Some(from)) => (Lower::From, Some(from)),
            (None, None) => (Lower::None, None),
        };
        let keys = from.into_iter().chain(&self.to).map(|key| &**key).collect();
        (Bounds { lower, has_upper: self.to.is_some() }, keys)
    }

    /// Goes on behind a key, and gives the number of its row in the range, from 1.
    pub(super) fn pass(&mut self, key: String) -> u64 {
        self.last = Some(key.into());
        self.read += 1;
        self.read
    }
}

impl Split for PgSplit {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.table)
    }

    fn position_unit(&self) -> &'static str {
        "row"
    }

    fn place(&self, position: u64) -> String {
        format!("table {}, row {position}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lie_side_by_side_and_go_on_behind_what_was_read() {
        let firsts = vec!["10".to_owned(), "20".to_owned()];
        let mut splits = PgSplit::cut(&Table::new("t"), "id", "bigint", firsts);
        let rest = |split: &PgSplit| {
            let (Bounds { lower, has_upper }, keys) = split.rest();
            (lower, has_upper, keys.join(" "))
        };
        assert_eq!(rest(&splits[0]), (Lower::None, true, "10".to_owned()));
        assert_eq!(rest(&splits[1]), (Lower::From, true, "10 20".to_owned()));
        assert_eq!(rest(&splits[2]), (Lower::From, false, "20".to_owned()));
        assert_eq!(splits[1].id(), "t by id from 10 to 20");
        assert_eq!(splits[1].pass("12".to_owned()), 1);
        assert_eq!(rest(&splits[1]), (Lower::After, true, "12 20".to_owned()));
    }
}
