//! States and edges, and the guards of the edges.

use super::{Compiler, Unit, ended_by, taken_until};
use crate::cep::graph::{Action, Edge, Guard, Kind, State, StateId};
use crate::cep::quantifier::Contiguity;

/// What states that belong to a group are called.
const GROUP: &str = "GroupPattern";

/// What comes between a stage's name and the number of its state.
const DELIMITER: char = ':';

impl<'a> Compiler<'a> {
    pub(super) fn create_named(&mut self, base: &str, stage: u16, kind: Kind) -> StateId {
        let numbered = (0..).map(|number| format!("{base}{DELIMITER}{number}"));
        let mut names = std::iter::once(base.to_owned()).chain(numbered);
        let name = names.find(|name| !self.names.contains(name)).expect("invariant: there are always further numbers");
        self.names.insert(name.clone());
        self.states.push(State { name, stage, kind, within_previous: 0, edges: Vec::new() });
        StateId::try_from(self.states.len() - 1).expect("invariant: the number of states has been checked")
    }

    pub(super) fn create(&mut self, unit: &Unit, kind: Kind) -> StateId {
        let base = if unit.group.is_some() { GROUP } else { &unit.name };
        self.create_named(base, unit.stage, kind)
    }

    /// A state whose event may have to come in time.
    pub(super) fn create_taking(&mut self, unit: &Unit, kind: Kind) -> StateId {
        let base = if unit.group.is_some() { GROUP } else { &unit.name };
        let state = self.create(unit, kind);
        let created = &mut self.states[usize::from(state)];
        let limit = match unit.quantifier.repeat {
            crate::cep::quantifier::Repeat::Once => unit.within_previous,
            // The first state made of a repeated stage has no limit in Flink either.
            _ if created.name == base => None,
            _ => unit.repeats_within,
        };
        created.within_previous = limit.unwrap_or(0);
        state
    }

    /// The state that a forbidden stage leads to: one for all states that it is forbidden in.
    pub(super) fn stop_state(&mut self, unit: &Unit, forbidden: Guard) -> StateId {
        if let Some(stop) = self.stops.get(&unit.id) {
            return *stop;
        }
        let stop = self.create(unit, Kind::Stop);
        self.take(stop, stop, forbidden);
        self.stops.insert(unit.id, stop);
        stop
    }

    pub(super) fn kind(&self, state: StateId) -> Kind {
        self.states[usize::from(state)].kind
    }

    pub(super) fn take(&mut self, from: StateId, target: StateId, guard: Guard) {
        self.add_edge(from, Edge { action: Action::Take, target, guard });
    }

    pub(super) fn ignore(&mut self, from: StateId, target: StateId, guard: Guard) {
        self.add_edge(from, Edge { action: Action::Ignore, target, guard });
    }

    pub(super) fn proceed(&mut self, from: StateId, target: StateId, guard: Guard) {
        self.add_edge(from, Edge { action: Action::Proceed, target, guard });
    }

    fn add_edge(&mut self, from: StateId, edge: Edge) {
        self.states[usize::from(from)].edges.push(edge);
    }

    /// Where a state proceeds to.
    pub(super) fn proceeds(&self, from: StateId) -> Vec<StateId> {
        let edges = self.states[usize::from(from)].edges.iter();
        edges.filter(|edge| edge.action == Action::Proceed).map(|edge| edge.target).collect()
    }

    /// The stages that are forbidden in the current unit: right before it, or with optional stages between.
    fn forbidden(&self) -> Vec<&'a Unit> {
        let before = self.units[..self.at].iter().rev();
        let is_not = |unit: &Unit| unit.contiguity == Contiguity::NotFollowed;
        before.take_while(|unit| unit.quantifier.is_optional || is_not(unit)).filter(|unit| is_not(unit)).collect()
    }

    pub(super) fn add_stops(&mut self, state: StateId) {
        for unit in self.forbidden() {
            self.add_stop(state, unit);
        }
    }

    /// Forbids the following stage, if it is a forbidden one, between events of the current one.
    pub(super) fn add_stop_of_following(&mut self, state: StateId) {
        if let Some(unit) = self.following.filter(|unit| unit.contiguity == Contiguity::NotFollowed) {
            self.add_stop(state, unit);
        }
    }

    fn add_stop(&mut self, state: StateId, unit: &Unit) {
        let forbidden = self.take_guard(unit);
        let stop = self.stop_state(unit, forbidden.clone());
        self.proceed(state, stop, forbidden);
    }

    /// A state to go on from when the current stage, an optional one, has taken an event: what was forbidden before is
    /// no longer. The state itself if that changes nothing.
    pub(super) fn without_nots(&mut self, sink: StateId) -> StateId {
        let stops: Vec<Option<StateId>> =
            self.forbidden().into_iter().map(|unit| self.stops.get(&unit.id).copied()).collect();
        if stops.is_empty() || !self.current().quantifier.is_optional {
            return sink;
        }
        let copy = self.create_like(sink);
        for edge in self.states[usize::from(sink)].edges.clone() {
            let target = match edge.action {
                Action::Proceed if self.kind(edge.target) == Kind::Stop => {
                    if stops.contains(&Some(edge.target)) {
                        continue;
                    }
                    edge.target
                }
                Action::Proceed if self.circles(edge.target) => edge.target,
                Action::Proceed => self.without_nots(edge.target),
                Action::Take | Action::Ignore if edge.target == sink => copy,
                Action::Take | Action::Ignore => edge.target,
            };
            self.add_edge(copy, Edge { target, ..edge });
        }
        copy
    }

    /// A second state like one that is there.
    pub(super) fn copy(&mut self, state: StateId) -> StateId {
        let copy = self.create_like(state);
        for edge in self.states[usize::from(state)].edges.clone() {
            let target = if edge.target == state { copy } else { edge.target };
            self.add_edge(copy, Edge { target, ..edge });
        }
        copy
    }

    /// A state without edges. As in Flink, it has no limit of time.
    fn create_like(&mut self, state: StateId) -> StateId {
        let State { name, stage, kind, .. } = &self.states[usize::from(state)];
        let (base, stage, kind) = (name.clone(), *stage, *kind);
        self.create_named(&base, stage, kind)
    }

    /// Has a state's edges not taken by an event that the stage before it takes.
    pub(super) fn make_greedy(&mut self, state: StateId, take: &Guard) {
        for edge in &mut self.states[usize::from(state)].edges {
            edge.guard = edge.guard.clone().and(take.clone().not());
        }
    }

    pub(super) fn set_first_of_loop(&mut self, unit: &Unit, is_first: bool) {
        if unit.group.is_some() {
            self.first_of_loop.insert(unit.id, is_first);
        }
    }

    fn is_first_of_loop(&self, group: &Unit) -> bool {
        self.first_of_loop.get(&group.id).copied().unwrap_or(true)
    }

    /// The group whose first stage is the current unit.
    fn headed_group(&self) -> Option<&'a Unit> {
        self.group.filter(|_| self.at == 0)
    }

    pub(super) fn is_head_of_optional_group(&self) -> bool {
        self.headed_group().is_some_and(|group| self.is_first_of_loop(group) && group.quantifier.is_optional)
    }

    fn group_until(&self) -> Option<&'a Guard> {
        self.group.and_then(|group| group.until.as_ref())
    }

    /// When the stage takes an event.
    pub(super) fn take_guard(&self, unit: &Unit) -> Guard {
        taken_until(unit.condition.clone(), self.group_until())
    }

    /// When an edge can be taken that asks for nothing: always, unless the group has been ended.
    pub(super) fn free_guard(&self) -> Guard {
        taken_until(Guard::Always, self.group_until())
    }

    /// When the stage passes over an event that comes before its first; `None` for never.
    pub(super) fn ignore_guard(&self, unit: &Unit) -> Option<Guard> {
        let contiguity = match self.headed_group() {
            None => unit.contiguity,
            Some(group) if self.is_first_of_loop(group) => group.contiguity,
            Some(group) => group.quantifier.inner,
        };
        self.passed_over(unit, contiguity)
    }

    /// When the stage passes over an event that comes between its own; `None` for never.
    pub(super) fn inner_ignore_guard(&self, unit: &Unit) -> Option<Guard> {
        let inner = self.headed_group().map_or(unit.quantifier.inner, |group| group.quantifier.inner);
        self.passed_over(unit, inner)
    }

    fn passed_over(&self, unit: &Unit, contiguity: Contiguity) -> Option<Guard> {
        let ignore = match contiguity {
            Contiguity::Relaxed => Some(unit.condition.clone().not()),
            Contiguity::Any => Some(Guard::Always),
            Contiguity::Strict | Contiguity::NotNext | Contiguity::NotFollowed => None,
        };
        ended_by(ignore, self.group_until())
    }
}
