//! Our answers to cases.

use std::time::Duration;

use millstream::cep::testing::matches;
use millstream::cep::{AfterMatch, Match, MatchContext, Pattern, PatternError};
use millstream::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::{Answer, Case, Condition, Input, Link, Modifier, Skip, Step};

/// An event with its number in the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) number: usize,
    pub(crate) kind: String,
    pub(crate) value: i64,
    pub(crate) key: u32,
}

/// The answer without a job: the events of each key, less those that come late, in order.
pub(crate) fn without_a_job(case: &Case) -> Answer {
    let pattern = pattern(&case.pattern, case.skip.as_ref());
    let mut answer = Answer::default();
    let mut on_time: Vec<(Event, i64)> = Vec::new();
    let mut watermark = i64::MIN;
    for (event, time) in events(case) {
        match event {
            None => watermark = time,
            Some(late) if time <= watermark && !case.processing_time => answer.late.push(late.number),
            Some(event) => on_time.push((event, time)),
        }
    }
    if case.by_value {
        on_time.sort_by_key(|(event, time)| (*time, event.value));
    }
    let mut keys: Vec<u32> = on_time.iter().map(|(event, _)| event.key).collect();
    keys.sort_unstable();
    keys.dedup();
    // So that a pattern is refused where there is no event.
    keys.push(u32::MAX);
    for key in keys {
        let of_key = on_time.iter().filter(|(event, _)| event.key == key);
        match matches(&pattern, of_key.map(|(event, time)| (event.clone(), Timestamp::from_millis(*time)))) {
            Ok(found) => {
                answer.matches.extend(found.matches.iter().map(written));
                answer.timed_out.extend(found.timed_out.iter().map(|(partial, _)| written(partial)));
            }
            Err(error) if error.is::<PatternError>() => {
                return Answer { refused: Some(error.to_string()), ..Answer::default() };
            }
            Err(error) => answer.failed = Some(error.to_string()),
        }
    }
    answer
}

/// The events of a case in order of arrival, and its watermarks as `None`, with their times.
pub(crate) fn events(case: &Case) -> impl Iterator<Item = (Option<Event>, i64)> {
    let mut number = 0;
    case.input.iter().map(move |input| match input {
        Input::Watermark(time) => (None, *time),
        Input::Event(kind, value, time, key) => {
            number += 1;
            (Some(Event { number: number - 1, kind: kind.clone(), value: *value, key: *key }), *time)
        }
    })
}

/// A match as `a:0,2 b:3`.
pub(crate) fn written(found: &Match<Event>) -> String {
    let numbers = |events: &[Event]| events.iter().map(|event| event.number.to_string()).collect::<Vec<_>>().join(",");
    let mut stages: Vec<String> = found.iter().map(|(stage, events)| format!("{stage}:{}", numbers(events))).collect();
    stages.sort();
    stages.join(" ")
}

/// The pattern of a case.
pub(crate) fn pattern(steps: &[Step], skip: Option<&Skip>) -> Pattern<Event> {
    let mut pattern: Option<Pattern<Event>> = None;
    for step in steps {
        let mut longer = match &step.group {
            Some(group) => with_group(pattern, step.link, self::pattern(group, None)),
            None => with_stage(pattern, step.link, step.name.as_deref().expect("a stage has a name")),
        };
        for modifier in &step.with {
            longer = modified(longer, modifier);
        }
        pattern = Some(longer);
    }
    let pattern = pattern.expect("a pattern has steps");
    match skip {
        None => pattern,
        Some(skip) => pattern.after_match(after_match(skip)),
    }
}

fn with_stage(before: Option<Pattern<Event>>, link: Link, name: &str) -> Pattern<Event> {
    match (before, link) {
        (None, _) => Pattern::begin(name),
        (Some(before), Link::Begin | Link::Next) => before.next(name),
        (Some(before), Link::FollowedBy) => before.followed_by(name),
        (Some(before), Link::FollowedByAny) => before.followed_by_any(name),
        (Some(before), Link::NotNext) => before.not_next(name),
        (Some(before), Link::NotFollowedBy) => before.not_followed_by(name),
    }
}

fn with_group(before: Option<Pattern<Event>>, link: Link, group: Pattern<Event>) -> Pattern<Event> {
    match (before, link) {
        (None, _) => Pattern::begin_group(group),
        (Some(before), Link::Begin | Link::Next) => before.next_group(group),
        (Some(before), Link::FollowedBy) => before.followed_by_group(group),
        (Some(before), Link::FollowedByAny) => before.followed_by_any_group(group),
        (Some(_), Link::NotNext | Link::NotFollowedBy) => panic!("a group that must not be"),
    }
}

fn modified(pattern: Pattern<Event>, modifier: &Modifier) -> Pattern<Event> {
    let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    match modifier {
        Modifier::Where(condition) if condition.looks_back() => pattern.where_with(iterative(condition)),
        Modifier::Where(condition) => pattern.where_(simple(condition)),
        Modifier::Or(condition) if condition.looks_back() => pattern.or_with(iterative(condition)),
        Modifier::Or(condition) => pattern.or(simple(condition)),
        Modifier::Until(condition) if condition.looks_back() => pattern.until_with(iterative(condition)),
        Modifier::Until(condition) => pattern.until(simple(condition)),
        Modifier::Times(times) => pattern.times(*times),
        Modifier::TimesRange(from, to) => pattern.times(*from..=*to),
        Modifier::TimesOrMore(times) => pattern.times(*times..),
        Modifier::OneOrMore => pattern.one_or_more(),
        Modifier::RepeatsWithin(time) => pattern.repeats_within(millis(*time)),
        Modifier::Optional => pattern.optional(),
        Modifier::Greedy => pattern.greedy(),
        Modifier::Consecutive => pattern.consecutive(),
        Modifier::AllowCombinations => pattern.allow_combinations(),
        Modifier::Within(time) => pattern.within(millis(*time)),
        Modifier::WithinEach(time) => pattern.within_previous(millis(*time)),
    }
}

fn simple(condition: &Condition) -> impl Fn(&Event) -> bool + Send + Sync + 'static {
    let condition = condition.clone();
    move |event| match &condition {
        Condition::Any => true,
        Condition::Kind(kind) => event.kind == *kind,
        Condition::Above(limit) => event.value > *limit,
        Condition::Rises(_) | Condition::Sum(..) => panic!("{condition:?} looks back"),
    }
}

fn iterative(condition: &Condition) -> impl Fn(&Event, &MatchContext<'_, Event>) -> bool + Send + Sync + 'static {
    let condition = condition.clone();
    move |event, so_far| match &condition {
        Condition::Rises(stage) => so_far.events(stage).next_back().is_none_or(|last| event.value > last.value),
        Condition::Sum(stage, limit) => {
            event.value + so_far.events(stage).map(|event| event.value).sum::<i64>() < *limit
        }
        Condition::Any | Condition::Kind(_) | Condition::Above(_) => panic!("{condition:?} does not look back"),
    }
}

fn after_match(skip: &Skip) -> AfterMatch {
    let (to, fails) = match skip {
        Skip::Next => return AfterMatch::SkipToNext,
        Skip::PastLast => return AfterMatch::SkipPastLastEvent,
        Skip::First(stage, fails) => (AfterMatch::skip_to_first(stage), fails),
        Skip::Last(stage, fails) => (AfterMatch::skip_to_last(stage), fails),
    };
    if *fails { to.throw_exception_on_miss() } else { to }
}
