//! The automaton with its conditions: takes a key's partial matches from one event to the next.
//!
//! The steps are those of Flink's `NFA`: all edges that the event can take are found first, then each makes a partial match of
//! its own, and the one they come from is given up. What has become a match waits until no partial match that began
//! earlier is left, if matches are to be skipped; what a match skips is given up, be it a match or not.
//!
//! Conditions that look at the event alone are asked once per event, whatever the number of partial matches.

use smallvec::SmallVec;

use super::after_match::{AfterMatch, SkipTo};
use super::buffer::NodeId;
use super::compiler::{self, Units};
use super::condition::{Condition, MatchContext};
use super::error::PatternError;
use super::found::Match;
use super::graph::{Action, Edge, Graph, Guard, Kind, StateId};
use super::matching::{Matching, Ready};
use super::pattern::Pattern;
use super::run::{Run, RunHeap};
use crate::Result;
use crate::time::{Clock, Timestamp};

/// No event.
const NO_EVENT: u32 = u32::MAX;

/// A compiled pattern.
pub(crate) struct Nfa<E> {
    pub(super) graph: Graph,
    tests: Vec<Condition<E>>,
    /// Which of the first 64 conditions look at partial matches.
    iterative: u64,
    after_match: AfterMatch,
    /// The number of the stage to skip to.
    skip_to: Option<u16>,
    /// Whether partial matches whose time is over are wanted.
    keeps_timed_out: bool,
}

/// What a step needs, kept from one to the next so that nothing is allocated.
#[derive(Default)]
pub(crate) struct Scratch {
    partial: RunHeap,
    found: RunHeap,
    edges: Vec<(StateId, u16)>,
    states: Vec<StateId>,
    made: Vec<Run>,
}

impl<E: 'static> Nfa<E> {
    /// Compiles a pattern.
    pub(super) fn new(pattern: &Pattern<E>) -> Result<Self, PatternError> {
        Self::compile(pattern, false)
    }

    /// Compiles a pattern that is to be looked for in an endless stream.
    pub(crate) fn bounded(pattern: &Pattern<E>) -> Result<Self, PatternError> {
        Self::compile(pattern, true)
    }

    /// Stands for a pattern that cannot be, in a job that will not run.
    pub(crate) fn never() -> Self {
        Self::new(&Pattern::begin("never").where_(|_: &E| false)).expect("invariant: this pattern is valid")
    }

    /// Sets whether partial matches whose time is over are wanted.
    pub(crate) fn keeping_timed_out(self, keeps_timed_out: bool) -> Self {
        Self { keeps_timed_out, ..self }
    }

    fn compile(pattern: &Pattern<E>, bounded: bool) -> Result<Self, PatternError> {
        if let Some(mistake) = &pattern.mistake {
            return Err(mistake.clone());
        }
        let Units { units, stages, tests, .. } = Units::new(&pattern.stages);
        let graph = compiler::compile(&units, &stages, &pattern.after_match)?;
        if bounded {
            compiler::bounded(&units, &graph)?;
        }
        let iterative = tests.iter().take(64).enumerate().filter(|(_, test)| test.is_iterative());
        let after_match = pattern.after_match.clone();
        let skip_to = after_match.stage().and_then(|stage| stages.iter().position(|name| &**name == stage));
        Ok(Self {
            iterative: iterative.map(|(number, _)| 1 << number).sum(),
            skip_to: skip_to.map(|number| number as u16),
            keeps_timed_out: false,
            graph,
            tests,
            after_match,
        })
    }

    /// When the time of a partial match is over; the highest number for never.
    pub(super) fn deadline(&self, run: &Run) -> i64 {
        if !run.has_begun() || self.graph.kind(run.state) == Kind::Start {
            return i64::MAX;
        }
        let limit = |since: i64, time: i64| if time > 0 { since.saturating_add(time) } else { i64::MAX };
        let since_first = limit(run.first_time, self.graph.within);
        let state = &self.graph.states[usize::from(run.state)];
        since_first.min(limit(run.last_time, state.within_previous))
    }

    /// Gives up the partial matches whose time is over at `now`. No event before `now` comes later.
    pub(super) fn advance(&self, key: &mut Matching<E>, now: i64, scratch: &mut Scratch) -> Result<()> {
        if now < key.deadline {
            return Ok(());
        }
        let Scratch { partial, found, .. } = scratch;
        let mut over_at = i64::MIN;
        key.deadline = i64::MAX;
        for run in key.partial.as_slice() {
            let deadline = self.deadline(run);
            if deadline > now || deadline == i64::MAX {
                key.deadline = key.deadline.min(deadline);
                partial.push(*run);
                continue;
            }
            over_at = over_at.max(deadline);
            if self.graph.kind(run.state) == Kind::Pending {
                found.push(*run);
            } else if self.keeps_timed_out {
                key.ready.push_back(Ready { node: run.node, time: self.over_at(run, now), is_match: false });
            } else {
                key.buffer.release(run.node);
            }
        }
        std::mem::swap(&mut key.partial, partial);
        partial.clear();
        self.choose(key, found, over_at)
    }

    /// When a partial match has timed out: a limit between neighbours counts before that of the whole, as in Flink.
    fn over_at(&self, run: &Run, now: i64) -> i64 {
        let state = &self.graph.states[usize::from(run.state)];
        let since_last = run.last_time.saturating_add(state.within_previous);
        if state.within_previous > 0 && since_last <= now { since_last } else { self.deadline(run) }
    }

    /// Takes the key's next event, in order of time.
    pub(super) fn take(
        &self,
        key: &mut Matching<E>,
        (event, time): (E, i64),
        clock: &dyn Clock,
        scratch: &mut Scratch,
    ) -> Result<()> {
        if time > key.reached {
            self.advance(key, time, scratch)?;
            key.reached = time;
        }
        self.process(key, event, time, clock, scratch)
    }

    /// Takes the key's next event; what has timed out has been given up.
    pub(super) fn process(
        &self,
        key: &mut Matching<E>,
        event: E,
        time: i64,
        clock: &dyn Clock,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let start = Run::start(self.graph.start);
        let place = {
            let is_new = key.partial.is_empty();
            let runs = std::mem::take(&mut key.partial);
            let one = [start];
            let all = if is_new { &one } else { runs.as_slice() };
            let mut step = Step { nfa: self, key, event: &event, time, clock, place: NO_EVENT, known: 0, holds: 0 };
            for run in all {
                step.take_on(run, scratch)?;
            }
            let place = step.place;
            key.partial = runs;
            place
        };
        std::mem::swap(&mut key.partial, &mut scratch.partial);
        scratch.partial.clear();
        if place != NO_EVENT {
            key.sequence += 1;
            key.buffer.settle(place, event);
        }
        self.choose(key, &mut scratch.found, time)
    }

    /// Decides which matches to emit, `time` being theirs, and what they skip.
    fn choose(&self, key: &mut Matching<E>, found: &mut RunHeap, time: i64) -> Result<()> {
        found.as_slice().iter().for_each(|run| key.found.push(*run));
        found.clear();
        while let Some(first) = key.found.first().copied() {
            let is_earliest = key.partial.first().is_none_or(|partial| first.first <= partial.first);
            if self.after_match != AfterMatch::NoSkip && !is_earliest {
                break;
            }
            key.found.pop();
            if let Some(bound) = self.skip_bound(key, &first)? {
                let Matching { partial, found, buffer, .. } = key;
                partial.remove_before(bound, |run| buffer.release(run.node));
                found.remove_before(bound, |run| buffer.release(run.node));
            }
            key.ready.push_back(Ready { node: first.node, time, is_match: true });
        }
        if key.partial.len() == 1 && key.partial.first().is_some_and(|run| !run.has_begun()) {
            // The start alone is what a key begins with.
            key.partial.clear();
        }
        Ok(())
    }

    /// What began before this place in the order of events is skipped after a match.
    fn skip_bound(&self, key: &Matching<E>, found: &Run) -> Result<Option<u64>> {
        let sequence = |node: super::buffer::Node| key.buffer.sequence(node.event);
        let mut path = key.buffer.path(found.node);
        match &self.after_match {
            AfterMatch::NoSkip => Ok(None),
            AfterMatch::SkipToNext => Ok(Some(found.first + 1)),
            AfterMatch::SkipPastLastEvent => Ok(path.next().map(|last| sequence(last) + 1)),
            AfterMatch::SkipToFirst(to) => {
                let of_stage = path.filter(|node| Some(node.stage) == self.skip_to);
                self.checked_bound(key, found, to, of_stage.last().map(sequence))
            }
            AfterMatch::SkipToLast(to) => {
                let of_stage = path.find(|node| Some(node.stage) == self.skip_to);
                self.checked_bound(key, found, to, of_stage.map(sequence))
            }
        }
    }

    fn checked_bound(&self, key: &Matching<E>, found: &Run, to: &SkipTo, bound: Option<u64>) -> Result<Option<u64>> {
        if to.fails_on_miss {
            let stage = &to.stage;
            if bound.is_none() {
                let stages: Vec<&str> =
                    key.buffer.path(found.node).map(|node| &*self.graph.stages[usize::from(node.stage)]).collect();
                anyhow::bail!(
                    "after a match one cannot skip to stage `{stage}`: the match has no event of it, but of {stages:?}"
                );
            }
            if bound == Some(found.first) {
                anyhow::bail!("after a match one cannot skip to stage `{stage}`: the match begins with its event");
            }
        }
        Ok(bound)
    }
}

impl<E: Clone> Nfa<E> {
    /// The events of a path.
    pub(super) fn found(&self, key: &Matching<E>, last: NodeId) -> Match<E> {
        let path: SmallVec<[super::buffer::Node; 16]> = key.buffer.path(last).collect();
        let mut found = Match::new();
        for node in path.iter().rev() {
            found.push(&self.graph.stages[usize::from(node.stage)], key.buffer.event(node.event).clone());
        }
        found
    }
}

/// One event on its way through all partial matches of a key.
struct Step<'a, E> {
    nfa: &'a Nfa<E>,
    key: &'a mut Matching<E>,
    event: &'a E,
    time: i64,
    clock: &'a dyn Clock,
    /// Where the event is put into the buffer, once a partial match has taken it.
    place: u32,
    /// The conditions that have been asked, and those of them that hold; by number, the first 64.
    known: u64,
    holds: u64,
}

impl<'a, E: 'static> Step<'a, E> {
    /// Makes the partial matches that a partial match becomes by the event.
    fn take_on(&mut self, run: &Run, scratch: &mut Scratch) -> Result<()> {
        self.known &= !self.nfa.iterative;
        let Scratch { partial, found, edges, states, made } = scratch;
        self.find_edges(run, edges, states)?;
        let is_start = self.nfa.graph.kind(run.state) == Kind::Start;
        for (state, number) in edges.drain(..) {
            let edge: &'a Edge = &self.nfa.graph.edges(state)[usize::from(number)];
            match edge.action {
                // To wait for the first event is what the start does anyway.
                Action::Ignore if is_start => {}
                Action::Ignore => self.make(Run { state: edge.target, ..*run }, made),
                Action::Take => {
                    let next = self.taken(run, state, edge.target);
                    self.make(next, made);
                    if let Some(end) = self.end_behind(edge.target, run, states)? {
                        self.make(Run { state: end, ..next }, made);
                    }
                }
                Action::Proceed => unreachable!("an edge to proceed along is not an outcome"),
            }
        }
        if is_start {
            made.push(*run);
        }
        self.key.buffer.release(run.node);
        let is_stopped = made.iter().any(|run| self.nfa.graph.kind(run.state) == Kind::Stop);
        for next in made.drain(..) {
            match self.nfa.graph.kind(next.state) {
                Kind::Final => found.push(next),
                _ if is_stopped => self.key.buffer.release(next.node),
                _ => {
                    self.key.deadline = self.key.deadline.min(self.nfa.deadline(&next));
                    partial.push(next);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn make(&mut self, run: Run, made: &mut Vec<Run>) {
        self.key.buffer.hold(run.node);
        made.push(run);
    }

    /// The partial match with the event added, as one of the stage that `state` takes events for.
    fn taken(&mut self, run: &Run, state: StateId, target: StateId) -> Run {
        if self.place == NO_EVENT {
            self.place = self.key.buffer.reserve(self.key.sequence);
        }
        let stage = self.nfa.graph.states[usize::from(state)].stage;
        let node = self.key.buffer.add(self.place, stage, run.node);
        let (first, first_time) =
            if run.has_begun() { (run.first, run.first_time) } else { (self.key.sequence, self.time) };
        Run { state: target, node, first, first_time, last_time: self.time }
    }

    /// The edges, by state and number, that the event can take, also behind edges to proceed along.
    fn find_edges(&mut self, run: &Run, edges: &mut Vec<(StateId, u16)>, states: &mut Vec<StateId>) -> Result<()> {
        states.push(run.state);
        while let Some(state) = states.pop() {
            let graph: &'a Graph = &self.nfa.graph;
            for (number, edge) in graph.edges(state).iter().enumerate() {
                if self.allows(&edge.guard, run)? {
                    match edge.action {
                        Action::Proceed => states.push(edge.target),
                        Action::Take | Action::Ignore => edges.push((state, number as u16)),
                    }
                }
            }
        }
        Ok(())
    }

    /// The final state, if one can proceed to it.
    fn end_behind(&mut self, state: StateId, run: &Run, states: &mut Vec<StateId>) -> Result<Option<StateId>> {
        states.push(state);
        while let Some(state) = states.pop() {
            let graph: &'a Graph = &self.nfa.graph;
            for edge in graph.edges(state) {
                if edge.action == Action::Proceed && self.allows(&edge.guard, run)? {
                    if graph.kind(edge.target) == Kind::Final {
                        states.clear();
                        return Ok(Some(edge.target));
                    }
                    states.push(edge.target);
                }
            }
        }
        Ok(None)
    }

    #[inline]
    fn allows(&mut self, guard: &Guard, run: &Run) -> Result<bool> {
        match guard {
            Guard::Always => Ok(true),
            Guard::Test(number) => self.test(*number, run),
            Guard::Not(guard) => self.allows_compound(guard, run).map(|holds| !holds),
            Guard::Both(..) => self.allows_compound(guard, run),
        }
    }

    fn allows_compound(&mut self, guard: &Guard, run: &Run) -> Result<bool> {
        match guard {
            Guard::Both(a, b) => Ok(self.allows(a, run)? && self.allows(b, run)?),
            other => self.allows(other, run),
        }
    }

    #[inline]
    fn test(&mut self, number: u16, run: &Run) -> Result<bool> {
        let bit = 1_u64.checked_shl(u32::from(number)).unwrap_or(0);
        if self.known & bit != 0 {
            return Ok(self.holds & bit != 0);
        }
        let so_far = MatchContext {
            buffer: &self.key.buffer,
            last: run.node,
            stages: &self.nfa.graph.stages,
            time: Timestamp::from_millis(self.time),
            clock: self.clock,
        };
        let holds = self.nfa.tests[usize::from(number)].test(self.event, &so_far)?;
        self.known |= bit;
        self.holds = if holds { self.holds | bit } else { self.holds & !bit };
        Ok(holds)
    }
}
