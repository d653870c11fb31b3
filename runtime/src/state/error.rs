//! State that cannot be written or read.
//!
//! An error that comes of a changed type names operator, state and field, and says what to do: it is met when a new version
//! of a job starts from a snapshot of the one before.

#[cfg(feature = "rocksdb")]
use std::path::Path;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// State that cannot be written or read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A value's `Serialize` failed.
    #[error("state cannot be encoded: {reason}")]
    Encode {
        /// What the encoder says.
        reason: String,
    },
    /// Bytes that do not fit the type they are read as.
    #[error(transparent)]
    Decode(Box<Misfit>),
    /// A key that does not belong where it was found: its type or serialized form has changed.
    #[error(
        "a key{} found in key group {found} hashes to key group {expected}: key types may not change between snapshot and restore",
        after(" of operator ", operator)
    )]
    ForeignKey {
        /// The operator's uid, once known.
        operator: Option<String>,
        /// Where it stood.
        found: u16,
        /// Where it belongs by its hash.
        expected: u16,
    },
    /// A database that keeps state, or its files, do not work.
    #[error("the state in {} {what}: {reason}", path.display())]
    Store {
        /// The directory.
        path: PathBuf,
        /// What cannot be done.
        what: &'static str,
        /// What the store says.
        reason: String,
    },
    /// Options that RocksDB does not take.
    #[error("RocksDB does not take the options `{options}`: {reason}")]
    Options {
        /// The options as they were given.
        options: String,
        /// What RocksDB says.
        reason: String,
    },
    /// Changes that were to be stored with a snapshot, which has failed.
    #[error("changes of the state have not reached the store, since the snapshot that they belong to has failed")]
    NotWritten,
    /// A backend that this binary does not have.
    #[error(
        "the state backend RocksDB is not part of this binary: build it with the cargo feature `rocksdb` of `millstream`"
    )]
    NoRocksDb,
    /// State in files that this binary cannot read.
    #[error(
        "the snapshot has state in files of the RocksDB database {database}: build with the cargo feature `rocksdb` of `millstream` \
          to restore it, or restore from a savepoint"
    )]
    NeedsRocksDb {
        /// The database.
        database: String,
    },
}

/// Bytes that do not fit the type they are read as: where, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "state{} cannot be decoded: {} ({ADVICE})",
    after(" of operator ", operator),
    self.place_and_reason()
)]
#[non_exhaustive]
pub struct Misfit {
    /// The operator's uid, once known.
    pub operator: Option<String>,
    /// What was being read.
    pub what: &'static str,
    /// The state's name, once known.
    pub state: Option<String>,
    /// Where in the value, such as `address.street`; `None` for the value itself.
    pub field: Option<String>,
    /// What the decoder says.
    pub reason: String,
}

/// What to do about a [`Misfit`].
pub(crate) const ADVICE: &str = "a field that is new needs `#[serde(default)]`, a renamed one `#[serde(alias = \"..\")]`; \
                                 a state with another meaning needs another name";

impl Misfit {
    /// Where it does not fit, in its operator, and why.
    pub(crate) fn place_and_reason(&self) -> String {
        let Self { what, state, field, reason, .. } = self;
        format!("{what}{}{}: {reason}", after(" of state ", state), after(", field ", field))
    }
}

/// Words before a name, if there is one.
fn after(words: &str, name: &Option<String>) -> String {
    name.as_ref().map_or(String::new(), |name| format!("{words}`{name}`"))
}

impl StateError {
    pub(crate) fn encode(error: &dyn std::fmt::Display) -> Self {
        Self::Encode { reason: error.to_string() }
    }

    pub(crate) fn decode(what: &'static str, error: &dyn std::fmt::Display) -> Self {
        let reason = error.to_string();
        Self::Decode(Box::new(Misfit { operator: None, what, state: None, field: None, reason }))
    }

    #[cfg(feature = "rocksdb")]
    pub(crate) fn store(path: &Path, what: &'static str, error: impl std::fmt::Display) -> Self {
        Self::Store { path: path.to_owned(), what, reason: error.to_string() }
    }

    /// The error of a value that was read as a `T` in vain: reads it again, to find out where it does not fit. Keeping
    /// track of that while reading would slow every restore.
    pub(crate) fn misfit<T: DeserializeOwned>(
        what: &'static str,
        written: &[u8],
        error: &dyn std::fmt::Display,
    ) -> Self {
        let mut misfit = Self::decode(what, error);
        let mut decoder = rmp_serde::Deserializer::new(written);
        let failed = serde_path_to_error::deserialize::<_, T>(&mut decoder).err();
        if let (Self::Decode(misfit), Some(failed)) = (&mut misfit, failed) {
            // The decoder knows what it has found only as a marker; one of parsed values knows more.
            let parsed = rmpv::decode::read_value(&mut &*written).ok();
            let plain = parsed.and_then(|value| serde_path_to_error::deserialize::<_, T>(value).err());
            if let Some(plain) = plain.filter(|plain| plain.path().to_string() == failed.path().to_string()) {
                let rmpv::ext::Error::Syntax(said) = plain.into_inner();
                misfit.reason = said;
            }
            misfit.field = Some(failed.path().to_string()).filter(|path| path != ".");
        }
        misfit
    }

    /// What was read is a tuple that the user knows nothing of, who knows only what stands at `index`.
    pub(crate) fn within_tuple(mut self, index: usize) -> Self {
        if let Self::Decode(misfit) = &mut self {
            let inner = misfit.field.take().map(|path| match path.strip_prefix(&format!("[{index}]")) {
                Some(inner) => inner.trim_start_matches('.').to_owned(),
                None => path,
            });
            misfit.field = inner.filter(|path| !path.is_empty());
        }
        self
    }

    pub(crate) fn in_state(mut self, name: &str) -> Self {
        if let Self::Decode(misfit) = &mut self {
            misfit.state.get_or_insert_with(|| name.to_owned());
        }
        self
    }

    pub(crate) fn in_operator(mut self, uid: &str) -> Self {
        let operator = match &mut self {
            Self::Decode(misfit) => &mut misfit.operator,
            Self::ForeignKey { operator, .. } => operator,
            _ => return self,
        };
        operator.get_or_insert_with(|| uid.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::state::{decode, encode};

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only read by the decoder")]
        street: u64,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only read by the decoder")]
        addresses: Vec<Inner>,
    }

    #[test]
    fn an_error_names_operator_state_and_field_and_says_what_to_do() {
        let mut bytes = Vec::new();
        let address = std::collections::BTreeMap::from([("street", "Elm")]);
        encode(&(1, std::collections::BTreeMap::from([("addresses", [address])])), &mut bytes).unwrap();
        let error = decode::<(u64, Outer)>(&mut bytes.as_slice(), "the value").unwrap_err();
        assert_eq!(
            error.within_tuple(1).in_state("home").in_operator("people").to_string(),
            "state of operator `people` cannot be decoded: the value of state `home`, field `addresses[0].street`: \
             invalid type: string \"Elm\", expected u64 (a field that is new needs `#[serde(default)]`, a renamed one \
             `#[serde(alias = \"..\")]`; a state with another meaning needs another name)"
        );
    }

    #[test]
    fn a_value_of_another_type_has_no_field() {
        let mut bytes = Vec::new();
        encode(&(1, "text"), &mut bytes).unwrap();
        let error = decode::<(u64, u64)>(&mut bytes.as_slice(), "the value").unwrap_err().within_tuple(1);
        assert!(matches!(&error, StateError::Decode(misfit) if misfit.field.is_none()), "{error}");
    }
}
