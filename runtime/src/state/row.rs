//! All states of one operator for one key.

use super::{StateError, Ttl};
use crate::time::Timestamp;

/// One declared state: its name in snapshots, and how long it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSpec {
    /// Its name, unique in its operator.
    pub name: &'static str,
    /// Names it had in earlier versions of the job.
    pub aliases: &'static [&'static str],
    /// When it is forgotten; `None` for never.
    pub ttl: Option<Ttl>,
}

impl StateSpec {
    /// A state that lives until it is cleared.
    pub const fn new(name: &'static str) -> Self {
        Self { name, aliases: &[], ttl: None }
    }

    /// Sets the time to live.
    #[must_use]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the names of earlier versions.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Whether the state has the name, or had it in an earlier version.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// The handle of one state, as it stands in a row.
pub trait State: Send + Sync + 'static {
    /// Whether nothing is stored.
    fn is_vacant(&self) -> bool;
    /// Whether nothing would be stored any more if it were told that it is `now`.
    fn is_vacant_at(&self, now: Timestamp) -> bool;
    /// Gives the state its time to live. Called once, on the row that all others are cloned from.
    fn set_ttl(&mut self, ttl: Option<Ttl>);
    /// Tells a state with a time to live what time it is.
    fn set_now(&mut self, now: Timestamp);
    /// Appends what is stored as one MessagePack value.
    fn encode(&self, to: &mut Vec<u8>) -> Result<(), StateError>;
    /// Takes one MessagePack value from the front, as written by [`State::encode`].
    fn decode(&mut self, from: &mut &[u8]) -> Result<(), StateError>;

    /// When what was written by [`State::encode`] was last used; `None` if that is not known. Takes it from the front.
    ///
    /// Of entries that live for themselves, the one counts that was used last.
    fn last_use(&self, from: &mut &[u8]) -> Result<Option<Timestamp>, StateError> {
        super::snapshot::decode::<serde::de::IgnoredAny>(from, "a state")?;
        Ok(None)
    }
}

/// The states of an operator for one key: a tuple of handles, or `()`.
pub trait StateRow: Clone + Send + Sync + 'static {
    /// Whether no state of the row stores anything; such a row is given up.
    fn is_vacant(&self) -> bool;
    /// Whether no state of the row will store anything at `now`.
    fn is_vacant_at(&self, now: Timestamp) -> bool;
    /// The states, in order of declaration.
    fn states(&self) -> Vec<&dyn State>;
    /// The states, in order of declaration.
    fn states_mut(&mut self) -> Vec<&mut dyn State>;
}

impl StateRow for () {
    fn is_vacant(&self) -> bool {
        true
    }

    fn is_vacant_at(&self, _now: Timestamp) -> bool {
        true
    }

    fn states(&self) -> Vec<&dyn State> {
        Vec::new()
    }

    fn states_mut(&mut self) -> Vec<&mut dyn State> {
        Vec::new()
    }
}

macro_rules! row {
    ($($state:ident $index:tt),+) => {
        impl<$($state: State + Clone),+> StateRow for ($($state,)+) {
            #[inline]
            fn is_vacant(&self) -> bool {
                $(self.$index.is_vacant())&&+
            }

            fn is_vacant_at(&self, now: Timestamp) -> bool {
                $(self.$index.is_vacant_at(now))&&+
            }

            fn states(&self) -> Vec<&dyn State> {
                vec![$(&self.$index),+]
            }

            fn states_mut(&mut self) -> Vec<&mut dyn State> {
                vec![$(&mut self.$index),+]
            }
        }
    };
}

row!(A 0);
row!(A 0, B 1);
row!(A 0, B 1, C 2);
row!(A 0, B 1, C 2, D 3);
row!(A 0, B 1, C 2, D 3, E 4);
row!(A 0, B 1, C 2, D 3, E 4, F 5);
row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Writes a row as a MessagePack map from state names to what they store.
pub(crate) fn encode_row<R: StateRow>(row: &R, specs: &[StateSpec], to: &mut Vec<u8>) -> Result<(), StateError> {
    let states = row.states();
    let stored = states.iter().zip(specs).filter(|(state, _)| !state.is_vacant());
    let count = u32::try_from(stored.clone().count()).expect("invariant: a row has few states");
    rmp::encode::write_map_len(to, count).map_err(|error| StateError::encode(&error))?;
    for (state, spec) in stored {
        rmp::encode::write_str(to, spec.name).map_err(|error| StateError::encode(&error))?;
        state.encode(to)?;
    }
    Ok(())
}

/// Reads a row into one without content. A state that the operator no longer declares is skipped.
pub(crate) fn decode_row<R: StateRow>(row: &mut R, specs: &[StateSpec], from: &mut &[u8]) -> Result<(), StateError> {
    let count = rmp::decode::read_map_len(from).map_err(|error| StateError::decode("a row", &error))?;
    let mut states = row.states_mut();
    for _ in 0..count {
        let name: String = super::snapshot::decode(from, "a state's name")?;
        let declared = specs.iter().position(|spec| spec.is_named(&name));
        match declared.and_then(|index| states.get_mut(index)) {
            Some(state) => state.decode(from).map_err(|error| error.in_state(&name))?,
            None => {
                super::snapshot::decode::<serde::de::IgnoredAny>(from, "a state that is no longer declared")?;
            }
        }
    }
    Ok(())
}
