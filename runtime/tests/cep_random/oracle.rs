//! Finds matches by trying every choice of events.
//!
//! A stage's event is any later one that fulfils its condition, as long as what lies between it and the event before is
//! allowed there. Understands no groups, no greedy loops, no `until`, and forbidden stages only between stages that match
//! once.

use super::Event;
use super::spec::{Inner, Link, Spec, Stage};

/// The numbers of a match's events, by stage.
pub(crate) type Found = Vec<(String, Vec<u32>)>;

/// Whether the oracle understands the pattern.
pub(crate) fn understands(spec: &Spec) -> bool {
    let is_not = |stage: &Stage| matches!(stage.link, Link::NotNext | Link::NotFollowedBy);
    let is_plain = |stage: &Stage| stage.times.is_none() && !stage.is_optional && !is_not(stage);
    let nots = spec.stages.iter().enumerate().filter(|(_, stage)| is_not(stage));
    nots.clone().all(|(at, not)| {
        let (before, after) = (spec.stages.get(at - 1), spec.stages.get(at + 1));
        before.is_some_and(is_plain) && after.is_some_and(|after| is_plain(after) && after.kind != not.kind)
    })
}

pub(crate) fn matches(spec: &Spec, events: &[(Event, i64)]) -> Vec<Found> {
    let mut search = Search { spec, events, path: Vec::new(), found: Vec::new() };
    search.go_on(0, 0);
    search.found
}

struct Search<'a> {
    spec: &'a Spec,
    events: &'a [(Event, i64)],
    /// The stage and the place of each event taken.
    path: Vec<(usize, usize)>,
    found: Vec<Found>,
}

impl Search<'_> {
    /// Tries all that can come after `count` events of a stage.
    fn go_on(&mut self, number: usize, count: u32) {
        let Some(stage) = self.spec.stages.get(number) else { return self.report() };
        if matches!(stage.link, Link::NotNext | Link::NotFollowedBy) {
            return self.go_on(number + 1, 0);
        }
        let (from, to) = stage.times.unwrap_or((1, Some(1)));
        if to.is_none_or(|to| count < to) {
            let first = self.path.last().map_or(0, |(_, last)| last + 1);
            for place in first..self.events.len() {
                if self.can_take(number, count, place) {
                    self.path.push((number, place));
                    self.go_on(number, count + 1);
                    self.path.pop();
                }
            }
        }
        if count >= from || (count == 0 && stage.is_optional) {
            self.go_on(number + 1, 0);
        }
    }

    fn can_take(&self, number: usize, count: u32, place: usize) -> bool {
        let stage = &self.spec.stages[number];
        let kind = |place: usize| self.events[place].0.kind;
        let Some((_, last)) = self.path.last() else { return kind(place) == stage.kind };
        let (_, first) = self.path[0];
        let in_time = self.events[place].1 - self.events[first].1 < self.spec.within;
        let mut between = last + 1..place;
        let is_allowed = match (count, stage.link, stage.inner) {
            (0, Link::Next, _) | (1.., _, Inner::Consecutive) => between.is_empty(),
            (0, Link::FollowedByAny, _) | (1.., _, Inner::Combinations) => true,
            _ => between.clone().all(|place| kind(place) != stage.kind),
        };
        let not = self.spec.stages[..number].last().filter(|_| count == 0);
        let is_free = match not {
            Some(not) if not.link == Link::NotFollowedBy => between.all(|place| kind(place) != not.kind),
            Some(not) if not.link == Link::NotNext => kind(last + 1) != not.kind,
            _ => true,
        };
        kind(place) == stage.kind && in_time && is_allowed && is_free
    }

    fn report(&mut self) {
        let mut stages: Found = Vec::new();
        for (number, place) in &self.path {
            let name = &self.spec.stages[*number].name;
            match stages.last_mut().filter(|(last, _)| last == name) {
                Some((_, numbers)) => numbers.push(self.events[*place].0.number),
                None => stages.push((name.clone(), vec![self.events[*place].0.number])),
            }
        }
        if !stages.is_empty() {
            self.found.push(stages);
        }
    }
}
