//! The automaton that a pattern is compiled to. It knows nothing of events: conditions are numbers.

use std::sync::Arc;

/// A state's place in the automaton.
pub(super) type StateId = u16;

/// States and the edges between them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) states: Vec<State>,
    pub(super) start: StateId,
    /// The longest time from the first to the last event of a match, in milliseconds; 0 for any.
    pub(super) within: i64,
    /// The names of the stages, by number.
    pub(super) stages: Arc<[Arc<str>]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where a match begins.
    Start,
    Normal,
    /// Becomes a match when its time is over.
    Pending,
    /// A match.
    Final,
    /// What may not be has come.
    Stop,
}

#[derive(Debug)]
pub(super) struct State {
    /// Unique, and the same whenever the pattern is the same.
    pub(super) name: String,
    /// Which stage's events it takes.
    pub(super) stage: u16,
    pub(super) kind: Kind,
    /// The longest time since the event before, in milliseconds; 0 for any.
    pub(super) within_previous: i64,
    pub(super) edges: Vec<Edge>,
}

#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) action: Action,
    pub(super) target: StateId,
    pub(super) guard: Guard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The event becomes part of the match.
    Take,
    /// The event is passed over.
    Ignore,
    /// The event is looked at in the next state.
    Proceed,
}

/// When an edge can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guard {
    Always,
    /// If the condition of this number holds.
    Test(u16),
    Not(Box<Self>),
    Both(Box<Self>, Box<Self>),
}

impl Guard {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Always, guard) | (guard, Self::Always) => guard,
            (a, b) => Self::Both(Box::new(a), Box::new(b)),
        }
    }

    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl Graph {
    pub(super) fn kind(&self, state: StateId) -> Kind {
        self.states[usize::from(state)].kind
    }

    pub(super) fn edges(&self, state: StateId) -> &[Edge] {
        &self.states[usize::from(state)].edges
    }
}
