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

    /// Its name, then those that it had before.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Whether the state has the name, or had it in an earlier version.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

/// The handle of one state, as it stands in a row.
///
/// A state with a time to live goes by a clock of its own, which is set before the user's functions see it. What only looks
/// at many states, a snapshot or a sweep, gives the time along instead and changes nothing: they may be frozen.
pub trait State: Send + Sync + 'static {
    /// Whether nothing is stored that has not expired.
    fn is_vacant(&self) -> bool;
    /// Gives the state its time to live. Called once, on the row that all others are cloned from.
    fn set_ttl(&mut self, ttl: Option<Ttl>);
    /// Tells a state with a time to live what time it is.
    fn set_now(&mut self, now: Timestamp);
    /// Whether there is something to remove that has expired at `now`.
    fn has_expired(&self, now: Timestamp) -> bool;
    /// Sets the clock, and removes what has expired.
    fn remove_expired(&mut self, now: Timestamp);
    /// Whether a snapshot at `now` holds anything of it.
    fn is_written(&self, now: Timestamp) -> bool;
    /// Appends what a snapshot at `now` holds as one MessagePack value.
    fn encode(&self, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError>;
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
    /// Whether a snapshot at `now` holds anything of the row.
    fn is_written(&self, now: Timestamp) -> bool;
    /// Whether there is something to remove that has expired at `now`.
    fn has_expired(&self, now: Timestamp) -> bool;
    /// The states, in order of declaration.
    fn states(&self) -> Vec<&dyn State>;
    /// The states, in order of declaration.
    fn states_mut(&mut self) -> Vec<&mut dyn State>;
}

impl StateRow for () {
    fn is_vacant(&self) -> bool {
        true
    }

    fn is_written(&self, _now: Timestamp) -> bool {
        false
    }

    fn has_expired(&self, _now: Timestamp) -> bool {
        false
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

            fn is_written(&self, now: Timestamp) -> bool {
                $(self.$index.is_written(now))||+
            }

            fn has_expired(&self, now: Timestamp) -> bool {
                $(self.$index.has_expired(now))||+
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

/// Writes what a snapshot at `now` holds of a row as a MessagePack map from state names to what they store.
pub(crate) fn encode_row<R: StateRow>(
    row: &R,
    specs: &[StateSpec],
    now: Timestamp,
    to: &mut Vec<u8>,
) -> Result<(), StateError> {
    let states = row.states();
    let stored = states.iter().zip(specs).filter(|(state, _)| state.is_written(now));
    let count = u32::try_from(stored.clone().count()).expect("invariant: a row has few states");
    rmp::encode::write_map_len(to, count).map_err(|error| StateError::encode(&error))?;
    for (state, spec) in stored {
        rmp::encode::write_str(to, spec.name).map_err(|error| StateError::encode(&error))?;
        state.encode(now, to)?;
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
