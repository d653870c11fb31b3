//! Looking for state that has expired, a few keys at a time, so that keys never seen again are forgotten too.

use super::{KeyedRows, RowId, StateRow, StateSpec, StatesCodec, Ttl};
use crate::data::Key;
use crate::operator::TaskContext;

/// How far the search has come.
pub(crate) struct Sweep {
    has_ttl: bool,
    /// How many rows a turn looks at.
    rows_per_turn: usize,
    next: usize,
}

impl Sweep {
    /// For rows of these states.
    pub(crate) fn of(specs: &[StateSpec]) -> Self {
        let ttls = specs.iter().filter_map(|spec| spec.ttl).filter(Ttl::is_enabled);
        let rows_per_turn = ttls.clone().map(|ttl| ttl.cleanup.keys_per_batch).max().unwrap_or_default();
        Self { has_ttl: ttls.count() > 0, rows_per_turn, next: 0 }
    }

    #[cfg(test)]
    pub(crate) fn rows_per_turn(&self) -> usize {
        self.rows_per_turn
    }

    /// Looks at the next few rows. Only looks, or it would copy what a snapshot has.
    pub(crate) fn turn<K: Key, R: StateRow>(&mut self, states: &mut KeyedRows<K, StatesCodec<R>>, task: &TaskContext) {
        // In a store, they go when its tables are merged.
        if !self.has_ttl || states.is_cached() {
            return;
        }
        let (now, count) = (task.clock.now(), states.rows.len());
        for _ in 0..self.rows_per_turn.min(count) {
            self.next = (self.next + 1) % count;
            let row = self.next as RowId;
            if states.rows.get(row).has_expired(now) {
                let state = states.rows.get_mut(row);
                state.states_mut().into_iter().for_each(|state| state.remove_expired(now));
                if state.is_vacant() && states.keys.is_live(row) {
                    states.forget(row);
                }
            }
        }
    }
}
