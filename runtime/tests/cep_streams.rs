//! Patterns in streams: order of events, lateness, limits of time, snapshots and errors.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

use std::time::Duration;

use millstream::cep::{Match, Pattern, PatternContext, PatternProcess};
use millstream::prelude::*;
use millstream::testing::Harness;
use serde::{Deserialize, Serialize};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An event of a key; the number tells events apart, the kind is what patterns look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Event {
    key: u8,
    kind: u8,
    number: u32,
}

fn is(kind: u8) -> impl Fn(&Event) -> bool + Clone + Send + Sync + 'static {
    move |event| event.kind == kind
}

/// A match as the numbers of its events, by stage.
type Found = (u8, Vec<(String, Vec<u32>)>);

fn numbers(key: u8, found: &Match<Event>) -> Found {
    let mut stages: Vec<_> = found
        .iter()
        .map(|(stage, events)| (stage.to_owned(), events.iter().map(|event| event.number).collect()))
        .collect();
    stages.sort();
    (key, stages)
}

#[derive(Clone)]
struct Report;

impl PatternProcess<u8, Event> for Report {
    type Out = (bool, Found);

    fn process(
        &mut self,
        found: Match<Event>,
        ctx: &mut PatternContext<'_, u8>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        out.emit((true, numbers(*ctx.key(), &found)));
        Ok(())
    }
}

const TIMED_OUT: OutputTag<Match<Event>> = OutputTag::new("timed out");

/// Matches, and partial matches whose time is over.
fn job(pattern: Pattern<Event>) -> impl Fn(Stream<Event>) -> Stream<(bool, Found)> {
    move |events| {
        let found = events.key_by(|event| &event.key).pattern(pattern.clone()).timed_out(TIMED_OUT);
        let found = found.process("pattern", Report);
        let timed_out = found.side_output(TIMED_OUT).map(|partial| {
            let key = partial.iter().next().map_or(0, |(_, events)| events[0].key);
            (false, numbers(key, &partial))
        });
        found.union([timed_out])
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An event of one key at its time in seconds; its number is its time.
fn event(kind: u8, second: u32) -> (Event, Timestamp) {
    (Event { key: 7, kind, number: second }, at(i64::from(second) * 1000))
}

fn push(harness: &mut Harness<Event, (bool, Found)>, events: impl IntoIterator<Item = (Event, Timestamp)>) {
    events.into_iter().for_each(|(event, time)| harness.push_at(event, time));
}

/// The numbers of the events of what was found, each stage after the other.
fn found(harness: &mut Harness<Event, (bool, Found)>) -> Vec<Vec<u32>> {
    let output = harness.output().into_iter();
    output.map(|(_, (_, stages))| stages.into_iter().flat_map(|(_, numbers)| numbers).collect()).collect()
}

fn login_then_purchase() -> Pattern<Event> {
    Pattern::begin("1 login").where_(is(1)).followed_by("2 purchase").where_(is(2)).within(seconds(600))
}

#[test]
fn events_are_taken_in_order_of_time_once_the_watermark_has_passed_them() {
    let mut harness = Harness::new(job(login_then_purchase()));
    push(&mut harness, [event(2, 20), event(1, 10)]);
    assert_eq!(found(&mut harness), [[0; 0]; 0]);
    harness.watermark(at(19_999));
    assert_eq!(found(&mut harness), [[0; 0]; 0]);
    harness.watermark(at(20_000));
    assert_eq!(found(&mut harness), [[10, 20]]);
}

#[test]
fn a_match_has_the_time_of_its_last_event_and_a_partial_one_that_of_its_end() {
    let mut harness = Harness::new(job(login_then_purchase()));
    push(&mut harness, [event(1, 10), event(2, 20), event(1, 30)]);
    harness.end();
    let mut times: Vec<_> = harness.timed_output().into_iter().map(|((is_match, _), time)| (time, is_match)).collect();
    times.sort();
    assert_eq!(times, [(at(20_000), true), (at(630_000), false)]);
}

#[test]
fn a_partial_match_ends_by_the_watermark_though_its_key_has_no_further_event() {
    let pattern =
        Pattern::begin("1 login").where_(is(1)).not_followed_by("2 purchase").where_(is(2)).within(seconds(600));
    let mut harness = Harness::new(job(pattern));
    push(&mut harness, [event(1, 10)]);
    harness.watermark(at(609_999));
    assert_eq!(found(&mut harness), [[0; 0]; 0]);
    harness.watermark(at(10_000_000));
    assert_eq!(harness.timed_output(), [((true, (7, vec![("1 login".to_owned(), vec![10])])), at(610_000))]);
}

#[test]
fn late_events_go_to_a_side_output() {
    const LATE: OutputTag<Event> = OutputTag::new("late");
    let job = |events: Stream<Event>| {
        let stream = events.key_by(|event| &event.key).pattern(login_then_purchase()).late_output(LATE);
        let found = stream.select(|found| found.events("2 purchase")[0].number);
        let late = found.side_output(LATE).map(|event| event.number);
        found.union([late])
    };
    let mut harness = Harness::new(job);
    harness.push_at(event(1, 10).0, at(10_000));
    harness.watermark(at(15_000));
    harness.push_at(event(2, 15).0, at(15_000));
    harness.push_at(event(2, 16).0, at(16_000));
    harness.end();
    assert_eq!(harness.output(), [15, 16]);
}

#[test]
fn events_of_equal_times_can_be_given_an_order() {
    let ordered = |events: Stream<Event>| {
        let stream = events.key_by(|event| &event.key).pattern(login_then_purchase());
        stream.order(|a, b| a.kind.cmp(&b.kind)).select(|found| found.events("1 login")[0].number)
    };
    let mut harness = Harness::new(ordered);
    harness.push_at(event(2, 1).0, at(0));
    harness.push_at(event(1, 2).0, at(0));
    harness.end();
    assert_eq!(harness.output(), [2]);
}

#[test]
fn in_processing_time_events_are_taken_as_they_come_and_limits_go_by_the_clock() {
    let job = |events: Stream<Event>| {
        let stream = events.key_by(|event| &event.key).pattern(login_then_purchase());
        let found = stream.processing_time().timed_out(TIMED_OUT).select(|_| true);
        let timed_out = found.side_output(TIMED_OUT).map(|_| false);
        found.union([timed_out])
    };
    let mut harness = Harness::new(job);
    harness.push(event(1, 1).0);
    harness.advance_processing_time(at(599_999));
    harness.push(event(2, 1).0);
    assert_eq!(harness.output(), [true]);
    harness.push(event(1, 1).0);
    let snapshot = harness.snapshot();
    let mut restored = Harness::restored(job, 2, &snapshot);
    restored.advance_processing_time(at(1_199_998));
    assert_eq!(restored.output(), [false; 0]);
    restored.advance_processing_time(at(1_199_999));
    assert_eq!(restored.output(), [false]);
}

#[test]
fn a_partial_match_survives_a_change_of_the_pattern_that_keeps_its_stages() {
    let mut harness = Harness::new(job(login_then_purchase()));
    push(&mut harness, [event(1, 10)]);
    harness.watermark(at(15_000));
    let snapshot = harness.snapshot();
    let longer = login_then_purchase().followed_by("3 return").where_(is(3));
    let mut restored = Harness::restored(job(longer), 1, &snapshot);
    push(&mut restored, [event(2, 20), event(3, 30)]);
    restored.end();
    assert_eq!(found(&mut restored), [[10, 20, 30]]);
    let other = Pattern::begin("other").where_(is(1)).followed_by("purchase").within(seconds(600));
    let error = Harness::try_restored(job(other), 1, &snapshot).err().unwrap().to_string();
    assert!(error.contains("the pattern has no stage `1 login` any more"), "{error}");
}

#[test]
fn a_condition_that_fails_fails_the_job() {
    let pattern = Pattern::begin("a").where_(|event: &Event| match event.kind {
        0 => Ok(true),
        kind => Err(anyhow::anyhow!("no such kind: {kind}")),
    });
    let mut harness = Harness::new(job(pattern));
    push(&mut harness, [event(4, 10)]);
    harness.watermark(at(10_000));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("no such kind: 4") && error.contains("pattern"), "{error}");
}

#[test]
fn a_pattern_that_cannot_be_is_an_error_of_the_plan() {
    let env = Environment::new("job");
    let pattern = Pattern::begin("a").where_(is(1)).next("a").where_(is(2));
    let events = env.from_collection([event(1, 1).0]);
    events.key_by(|event| &event.key).pattern(pattern).process("pattern", Report).collect();
    let error = env.execute().unwrap_err().to_string();
    assert!(error.contains("two stages named `a`"), "{error}");
}
