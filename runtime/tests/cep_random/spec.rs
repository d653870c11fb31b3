//! Random patterns, as data that a pattern can be built of and that an oracle can read.

use std::time::Duration;

use fastrand::Rng;
use millstream::cep::{AfterMatch, Pattern};

use super::Event;

/// What may lie before a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Next,
    FollowedBy,
    FollowedByAny,
    NotNext,
    NotFollowedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    Relaxed,
    Consecutive,
    Combinations,
}

#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) kind: u8,
    pub(crate) link: Link,
    /// From and to; once if there is none.
    pub(crate) times: Option<(u32, Option<u32>)>,
    pub(crate) inner: Inner,
    pub(crate) is_optional: bool,
    pub(crate) is_greedy: bool,
    pub(crate) until: Option<u8>,
    pub(crate) group: Option<Vec<Self>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) stages: Vec<Stage>,
    pub(crate) within: i64,
    pub(crate) within_previous: Option<i64>,
    pub(crate) after_match: AfterMatch,
}

/// What a random pattern may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// What the oracle understands.
    Plain,
    All,
}

impl Spec {
    /// A pattern that a job could look for.
    pub(crate) fn random(rng: &mut Rng, vocabulary: Vocabulary) -> Self {
        loop {
            let mut names = 0;
            let all = vocabulary == Vocabulary::All;
            let stages = stages(rng, &mut names, if all { 2 } else { 0 }, vocabulary);
            let stage = stages[rng.usize(..stages.len())].name.clone();
            let after_match = match rng.u8(..8) {
                0 if all => AfterMatch::SkipToNext,
                1 if all => AfterMatch::SkipPastLastEvent,
                2 if all => AfterMatch::skip_to_last(&stage),
                3 if all => AfterMatch::skip_to_first(&stage),
                _ => AfterMatch::NoSkip,
            };
            let within_previous = if all && rng.u8(..4) == 0 { Some(rng.i64(1..6)) } else { None };
            let spec = Self { stages, within: rng.i64(2..20), within_previous, after_match };
            if spec.build().check().is_ok() {
                return spec;
            }
        }
    }

    pub(crate) fn build(&self) -> Pattern<Event> {
        let pattern = build(&self.stages).within(Duration::from_millis(self.within as u64));
        let pattern = match self.within_previous {
            Some(millis) => pattern.within_previous(Duration::from_millis(millis as u64)),
            None => pattern,
        };
        pattern.after_match(self.after_match.clone())
    }
}

fn stages(rng: &mut Rng, names: &mut u32, depth: u32, vocabulary: Vocabulary) -> Vec<Stage> {
    let mut stages = Vec::new();
    for number in 0..rng.usize(1..5) {
        stages.push(stage(rng, names, number == 0, depth, vocabulary));
    }
    stages
}

fn stage(rng: &mut Rng, names: &mut u32, is_first: bool, depth: u32, vocabulary: Vocabulary) -> Stage {
    *names += 1;
    let all = vocabulary == Vocabulary::All;
    let link = match rng.u8(..9) {
        _ if is_first => Link::Next,
        0 | 1 => Link::Next,
        2 | 3 => Link::FollowedByAny,
        4 => Link::NotFollowedBy,
        5 => Link::NotNext,
        _ => Link::FollowedBy,
    };
    let mut stage = Stage {
        name: format!("s{names}"),
        kind: rng.u8(..3),
        link,
        times: None,
        inner: Inner::Relaxed,
        is_optional: false,
        is_greedy: false,
        until: None,
        group: None,
    };
    if matches!(link, Link::NotNext | Link::NotFollowedBy) {
        return stage;
    }
    if depth > 0 && rng.u8(..6) == 0 {
        stage.group = Some(stages(rng, names, depth - 1, vocabulary));
    }
    stage.times = match rng.u8(..8) {
        0 => Some((2, Some(2))),
        1 => Some((1, Some(3))),
        2 => Some((2, None)),
        3 => Some((1, None)),
        _ => None,
    };
    stage.is_optional = rng.u8(..4) == 0;
    if let Some((_, to)) = stage.times {
        stage.inner = [Inner::Relaxed, Inner::Relaxed, Inner::Consecutive, Inner::Combinations][rng.usize(..4)];
        stage.is_greedy = all && rng.u8(..5) == 0;
        stage.until = if all && to.is_none() && rng.u8(..4) == 0 { Some(rng.u8(..3)) } else { None };
    }
    stage
}

fn is(kind: u8) -> impl Fn(&Event) -> bool + Send + Sync + 'static {
    move |event| event.kind == kind
}

fn build(stages: &[Stage]) -> Pattern<Event> {
    let (first, others) = stages.split_first().expect("there is a stage");
    let pattern = match &first.group {
        Some(group) => Pattern::begin_group(build(group)),
        None => Pattern::begin(&first.name).where_(is(first.kind)),
    };
    others.iter().fold(quantified(pattern, first), |pattern, stage| {
        let pattern = match (&stage.group, stage.link) {
            (Some(group), Link::Next) => pattern.next_group(build(group)),
            (Some(group), Link::FollowedByAny) => pattern.followed_by_any_group(build(group)),
            (Some(group), _) => pattern.followed_by_group(build(group)),
            (None, link) => {
                let pattern = match link {
                    Link::Next => pattern.next(&stage.name),
                    Link::FollowedBy => pattern.followed_by(&stage.name),
                    Link::FollowedByAny => pattern.followed_by_any(&stage.name),
                    Link::NotNext => pattern.not_next(&stage.name),
                    Link::NotFollowedBy => pattern.not_followed_by(&stage.name),
                };
                pattern.where_(is(stage.kind))
            }
        };
        quantified(pattern, stage)
    })
}

fn quantified(pattern: Pattern<Event>, stage: &Stage) -> Pattern<Event> {
    let mut pattern = match stage.times {
        None => pattern,
        Some((from, None)) => pattern.times(from..),
        Some((from, Some(to))) => pattern.times(from..=to),
    };
    pattern = match stage.inner {
        Inner::Relaxed => pattern,
        Inner::Consecutive => pattern.consecutive(),
        Inner::Combinations => pattern.allow_combinations(),
    };
    if stage.is_greedy {
        pattern = pattern.greedy();
    }
    if let Some(kind) = stage.until {
        pattern = pattern.until(is(kind));
    }
    if stage.is_optional { pattern.optional() } else { pattern }
}
