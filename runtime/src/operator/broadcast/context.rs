//! What can be asked for while a record of a broadcast is processed.

use crate::operator::Context;

/// A [`Context`] for a record of a broadcast to an operator on a keyed stream.
pub struct BroadcastContext<'a> {
    pub(super) base: Context<'a>,
    /// Whether a visit has been asked for.
    pub(super) visits_keys: bool,
}

impl BroadcastContext<'_> {
    /// Has `visit_key` called for each key of this subtask that has states, before any other record is processed. It takes
    /// its time: where states are on disk, all of them are read and written.
    ///
    /// `visit_key` is given what is shared, but not the record; what it must know of it stands in a field.
    pub fn visit_keys(&mut self) {
        self.visits_keys = true;
    }
}

impl<'a> std::ops::Deref for BroadcastContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl std::ops::DerefMut for BroadcastContext<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}
