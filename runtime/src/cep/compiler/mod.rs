//! From stages to an automaton.
//!
//! Goes through the stages from the last to the first, since each needs to know the states that follow it. What the states and
//! edges are, and their order, is that of Flink's `NFACompiler`, since both show in what is found:
//!
//! * A stage becomes a state with a `Take` edge to what follows, and an `Ignore` edge if other events may come before.
//! * An optional stage has a `Proceed` edge past it; to ignore events then leads to a second state without that edge, so
//!   that a branch is made once.
//! * A loop is a state with a `Take` edge to itself and a `Proceed` edge behind it, after as many states as it matches at
//!   least.
//! * `not_next` is a state that proceeds only if the event is not the forbidden one, `not_followed_by` an edge to a stop
//!   state from every state between its neighbours; at the end it is a state that waits for its time to be over.

mod check;
mod states;
mod unit;

use std::collections::{HashMap, HashSet};

pub(in crate::cep) use unit::{Unit, Units};

use super::after_match::AfterMatch;
use super::error::PatternError;
use super::graph::{Graph, Guard, Kind, State, StateId};
use super::quantifier::{Contiguity, Repeat};

/// Compiles stages; `names` are those of the stages by number.
pub(super) fn compile(
    units: &[Unit],
    names: &[std::sync::Arc<str>],
    after_match: &AfterMatch,
) -> Result<Graph, PatternError> {
    check::before(units, names, after_match)?;
    let mut compiler = Compiler::new(units);
    let start = compiler.compile();
    if let Some(unit) = compiler.empty_loop {
        return Err(PatternError::EmptyLoop(unit.name.to_string()));
    }
    let Compiler { states, within, .. } = compiler;
    let graph = Graph { states, start, within: within.unwrap_or(0), stages: names.into() };
    check::after(units, &graph)?;
    Ok(graph)
}

pub(super) use check::bounded;

/// Where the compiler is in the pattern, and what it has made so far.
struct Compiler<'a> {
    states: Vec<State>,
    names: HashSet<String>,
    /// The stop state of each forbidden stage, by its id.
    stops: HashMap<usize, StateId>,
    /// For greedy loops with `until`: the state to proceed to once the loop has been ended.
    ended: HashMap<StateId, StateId>,
    within: Option<i64>,
    /// The units among which the current one is.
    units: &'a [Unit],
    at: usize,
    following: Option<&'a Unit>,
    /// The group whose units these are.
    group: Option<&'a Unit>,
    /// Whether a group is at the first of its repetitions, by its id.
    first_of_loop: HashMap<usize, bool>,
    /// A group in which the automaton would run in circles.
    empty_loop: Option<&'a Unit>,
}

impl<'a> Compiler<'a> {
    fn new(units: &'a [Unit]) -> Self {
        Self {
            states: Vec::new(),
            names: HashSet::new(),
            stops: HashMap::new(),
            ended: HashMap::new(),
            within: None,
            units,
            at: units.len() - 1,
            following: None,
            group: None,
            first_of_loop: HashMap::new(),
            empty_loop: None,
        }
    }

    fn compile(&mut self) -> StateId {
        let end = self.create_named("$endState$", u16::MAX, Kind::Final);
        self.within = self.current().within;
        let sink = self.all_but_first(end);
        let start = self.convert(sink);
        self.states[usize::from(start)].kind = Kind::Start;
        start
    }

    fn current(&self) -> &'a Unit {
        &self.units[self.at]
    }

    /// The states of all units but the first, which is the current one afterwards.
    fn all_but_first(&mut self, sink: StateId) -> StateId {
        let mut last = sink;
        while self.at > 0 {
            let unit = self.current();
            last = match unit.contiguity {
                Contiguity::NotFollowed => self.not_followed(unit, last),
                Contiguity::NotNext => self.not_next(unit, last),
                Contiguity::Strict | Contiguity::Relaxed | Contiguity::Any => self.convert(last),
            };
            self.following = Some(unit);
            self.at -= 1;
            // The shortest limit of all stages counts.
            if let Some(within) = self.current().within {
                self.within = Some(self.within.map_or(within, |shortest| shortest.min(within)));
            }
        }
        last
    }

    /// Forbidden stages are edges of the states before, but for one at the end, if it has a time.
    fn not_followed(&mut self, unit: &Unit, last: StateId) -> StateId {
        let has_time = unit.within_previous.is_some() || self.within.is_some();
        if !has_time || self.kind(last) != Kind::Final {
            return last;
        }
        let waiting = self.create_taking(unit, Kind::Pending);
        let forbidden = self.take_guard(unit);
        let stop = self.stop_state(unit, forbidden.clone());
        self.proceed(waiting, stop, forbidden.clone());
        self.ignore(waiting, waiting, forbidden.not());
        waiting
    }

    fn not_next(&mut self, unit: &Unit, last: StateId) -> StateId {
        let state = self.create_taking(unit, Kind::Normal);
        let forbidden = self.take_guard(unit);
        let stop = self.stop_state(unit, forbidden.clone());
        if self.kind(last) == Kind::Final {
            // A match needs the event that is not the forbidden one.
            self.ignore(state, last, forbidden.clone().not());
        } else {
            self.proceed(state, last, forbidden.clone().not());
        }
        self.proceed(state, stop, forbidden);
        state
    }

    /// The states of the current unit.
    fn convert(&mut self, sink: StateId) -> StateId {
        let unit = self.current();
        let first = match unit.quantifier.repeat {
            Repeat::OrMore(from) => {
                self.set_first_of_loop(unit, false);
                // Once the loop has begun, what was forbidden before an optional stage no longer is.
                let behind = self.without_nots(sink);
                let looping = self.create_loop(unit, behind);
                self.set_first_of_loop(unit, true);
                self.create_times(unit, looping, sink, (from, from))
            }
            Repeat::Times(from, to) => self.create_times(unit, sink, sink, (from, to)),
            Repeat::Once => {
                let (take, ignore) = (self.take_guard(unit), self.ignore_guard(unit));
                self.create_single(unit, (sink, sink), (take, ignore), unit.quantifier.is_optional)
            }
        };
        self.add_stops(first);
        first
    }

    fn create_times(&mut self, unit: &'a Unit, sink: StateId, proceed: StateId, (from, to): (u32, u32)) -> StateId {
        let mut last = sink;
        self.set_first_of_loop(unit, false);
        let until = unit.until.as_ref();
        let inner_ignore = ended_by(self.inner_ignore_guard(unit), until);
        let take = taken_until(self.take_guard(unit), until);
        if unit.quantifier.is_greedy && from != to {
            self.make_greedy(sink, &take);
        }
        for _ in from..to {
            last = self.create_single(unit, (last, proceed), (take.clone(), inner_ignore.clone()), true);
            self.add_stop_of_following(last);
        }
        for _ in 1..from {
            last = self.create_single(unit, (last, proceed), (take.clone(), inner_ignore.clone()), false);
            self.add_stop_of_following(last);
        }
        self.set_first_of_loop(unit, true);
        let ignore = self.ignore_guard(unit);
        self.create_single(unit, (last, proceed), (take, ignore), unit.quantifier.is_optional)
    }

    /// The state of one event of a stage, or the states of one repetition of a group.
    fn create_single(
        &mut self,
        unit: &'a Unit,
        (sink, proceed): (StateId, StateId),
        (take, ignore): (Guard, Option<Guard>),
        is_optional: bool,
    ) -> StateId {
        if unit.group.is_some() {
            return self.create_group(unit, sink, proceed, is_optional);
        }
        let state = self.create_taking(unit, Kind::Normal);
        let behind = self.without_nots(sink);
        self.take(state, behind, take.clone());
        if is_optional {
            let free = self.free_guard();
            match &unit.until {
                Some(until) if unit.quantifier.is_greedy => {
                    if let Some(ended) = self.ended.get(&proceed).copied() {
                        self.proceed(state, ended, free.clone().and(until.clone()));
                    }
                    self.proceed(state, proceed, free.and(until.clone().not()));
                }
                _ => self.proceed(state, proceed, free),
            }
        }
        if let Some(ignore) = ignore {
            let ignoring = if is_optional || self.is_head_of_optional_group() {
                let ignoring = self.create(unit, Kind::Normal);
                self.take(ignoring, behind, take);
                self.ignore(ignoring, ignoring, ignore.clone());
                self.add_stops(ignoring);
                ignoring
            } else {
                state
            };
            self.ignore(state, ignoring, ignore);
        }
        state
    }

    fn create_group(&mut self, unit: &'a Unit, sink: StateId, proceed: StateId, is_optional: bool) -> StateId {
        let free = self.free_guard();
        let first = self.inside(unit, sink);
        if is_optional {
            self.proceed(first, proceed, free);
        }
        first
    }

    /// The states of one repetition of a group.
    fn inside(&mut self, unit: &'a Unit, sink: StateId) -> StateId {
        let Some(units) = &unit.group else { return sink };
        let outside = (self.units, self.at, self.following, self.group);
        (self.units, self.at, self.group) = (units, units.len() - 1, Some(unit));
        let behind = self.all_but_first(sink);
        let first = self.convert(behind);
        (self.units, self.at, self.following, self.group) = outside;
        first
    }

    fn create_loop(&mut self, unit: &'a Unit, sink: StateId) -> StateId {
        if unit.group.is_some() {
            return self.create_group_loop(unit, sink);
        }
        let until = unit.until.as_ref();
        let ignore = ended_by(self.inner_ignore_guard(unit), until);
        let take = taken_until(self.take_guard(unit), until);
        let free = self.free_guard();
        let looping = self.create_taking(unit, Kind::Normal);
        if unit.quantifier.is_greedy {
            match until {
                Some(until) => {
                    let ended = self.copy(sink);
                    self.proceed(looping, ended, free.clone().and(until.clone()));
                    self.ended.insert(sink, ended);
                    self.proceed(looping, sink, free.and(until.clone().not()));
                }
                None => self.proceed(looping, sink, free),
            }
            let own = self.take_guard(unit);
            self.make_greedy(sink, &own);
        } else {
            self.proceed(looping, sink, free);
        }
        self.take(looping, looping, take.clone());
        self.add_stop_of_following(looping);
        if let Some(ignore) = ignore {
            let ignoring = self.create(unit, Kind::Normal);
            self.take(ignoring, looping, take);
            self.ignore(ignoring, ignoring, ignore.clone());
            self.ignore(looping, ignoring, ignore);
            self.add_stop_of_following(ignoring);
        }
        looping
    }

    fn create_group_loop(&mut self, unit: &'a Unit, sink: StateId) -> StateId {
        let free = self.free_guard();
        let again = self.create_taking(unit, Kind::Normal);
        let first = self.inside(unit, again);
        self.proceed(first, sink, free.clone());
        self.proceed(again, first, free);
        if self.circles(again) {
            self.empty_loop.get_or_insert(unit);
        }
        first
    }

    /// Whether an event could be handed round in circles from a state on.
    fn circles(&self, from: StateId) -> bool {
        let (mut seen, mut to_see) = (HashSet::new(), self.proceeds(from));
        while let Some(state) = to_see.pop() {
            if state == from {
                return true;
            }
            if seen.insert(state) {
                to_see.extend(self.proceeds(state));
            }
        }
        false
    }
}

/// What a loop takes: nothing any more once it has been ended.
fn taken_until(take: Guard, until: Option<&Guard>) -> Guard {
    match until {
        Some(until) => until.clone().not().and(take),
        None => take,
    }
}

/// What a loop passes over: nothing any more once it has been ended.
fn ended_by(ignore: Option<Guard>, until: Option<&Guard>) -> Option<Guard> {
    ignore.map(|ignore| taken_until(ignore, until))
}
