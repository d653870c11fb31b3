//! Random patterns over random streams: what a search of all choices of events finds, and the same whatever happens to the
//! job on the way.
//!
//! `MILLSTREAM_CASES` says how many are tried, `MILLSTREAM_SEED` repeats one whose seed was printed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[path = "../common/backend.rs"]
mod backend;
mod oracle;
mod spec;

use std::str::FromStr;

use fastrand::Rng;
use millstream::cep::testing;
use millstream::cep::{AfterMatch, Match, PatternContext, PatternProcess};
use millstream::prelude::*;
use millstream::testing::{Harness, HarnessSnapshot};
use serde::{Deserialize, Serialize};

use self::backend::any_backend;
use self::oracle::Found;
use self::spec::{Spec, Vocabulary};

/// An event of a key; the number tells events apart, the kind is what patterns look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Event {
    key: u8,
    kind: u8,
    number: u32,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Runs a check with seeds of its own, or with the one asked for.
fn for_seeds(default_cases: u64, check: impl Fn(&mut Rng)) {
    fn variable<T: FromStr>(name: &str) -> Option<T> {
        std::env::var(name).ok().and_then(|value| value.parse().ok())
    }
    let seeds: Vec<u64> = match variable("MILLSTREAM_SEED") {
        Some(seed) => vec![seed],
        None => (0..variable("MILLSTREAM_CASES").unwrap_or(default_cases)).map(|_| fastrand::u64(..)).collect(),
    };
    for seed in seeds {
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&mut Rng::with_seed(seed))));
        assert!(unwound.is_ok(), "to try again, set MILLSTREAM_SEED={seed}");
    }
}

fn numbers(found: &Match<Event>) -> Found {
    let mut stages: Found = found
        .iter()
        .map(|(stage, events)| (stage.to_owned(), events.iter().map(|event| event.number).collect()))
        .collect();
    stages.sort();
    stages
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// Events in order of time, often several at once.
fn events(rng: &mut Rng, count: usize, keys: u8) -> Vec<(Event, i64)> {
    let mut time = 1;
    let mut event = |number| {
        time += [0, 0, 1, 1, 2, 5][rng.usize(..6)];
        (Event { key: rng.u8(..keys), kind: rng.u8(..3), number: number as u32 }, time)
    };
    (0..count).map(&mut event).collect()
}

#[test]
fn a_pattern_finds_what_a_search_of_all_choices_finds() {
    for_seeds(2000, |rng| {
        let spec = Spec::random(rng, Vocabulary::Plain);
        if !oracle::understands(&spec) {
            return;
        }
        let count = rng.usize(1..9);
        let events = events(rng, count, 1);
        let found = testing::matches(&spec.build(), events.iter().map(|(event, time)| (event.clone(), at(*time))));
        let found = sorted(found.unwrap().matches.iter().map(numbers).collect());
        let mut expected = oracle::matches(&spec, &events);
        expected.iter_mut().for_each(|found| found.sort());
        assert_eq!(found, sorted(expected), "{spec:#?}\n{events:?}");
    });
}

#[derive(Clone)]
struct Report;

type Reported = (bool, u8, Found);

impl PatternProcess<u8, Event> for Report {
    type Out = Reported;

    fn process(
        &mut self,
        found: Match<Event>,
        ctx: &mut PatternContext<'_, u8>,
        out: &mut Collector<Reported>,
    ) -> Result<()> {
        out.emit((true, *ctx.key(), numbers(&found)));
        Ok(())
    }
}

const TIMED_OUT: OutputTag<Match<Event>> = OutputTag::new("timed out");

/// Matches, and partial matches whose time is over.
fn job(spec: &Spec) -> impl Fn(Stream<Event>) -> Stream<Reported> {
    let pattern = spec.build();
    move |events| {
        let stream = events.key_by(|event| &event.key).pattern(pattern.clone()).timed_out(TIMED_OUT);
        let found = stream.process("pattern", Report);
        let timed_out = found.side_output(TIMED_OUT).map(|partial| {
            let key = partial.iter().next().map_or(0, |(_, events)| events[0].key);
            (false, key, numbers(&partial))
        });
        found.union([timed_out])
    }
}

/// What is found when each key's events are taken by themselves.
fn expected(spec: &Spec, events: &[(Event, i64)]) -> Vec<Reported> {
    let mut expected = Vec::new();
    for key in 0..=u8::MAX {
        let own = events.iter().filter(|(event, _)| event.key == key);
        let found = testing::matches(&spec.build(), own.map(|(event, time)| (event.clone(), at(*time)))).unwrap();
        expected.extend(found.matches.iter().map(|found| (true, key, numbers(found))));
        expected.extend(found.timed_out.iter().map(|(partial, _)| (false, key, numbers(partial))));
    }
    expected
}

#[test]
fn what_is_found_does_not_depend_on_what_happens_to_the_job() {
    for_seeds(60, |rng| {
        let spec = Spec::random(rng, Vocabulary::All);
        let in_order = events(rng, 50, 6);
        let mut arriving: Vec<(i64, (Event, i64))> =
            in_order.iter().map(|(event, time)| (time + rng.i64(0..8), (event.clone(), *time))).collect();
        arriving.sort_by_key(|(arrival, _)| *arrival);
        let build = |rng: &mut Rng, snapshot: Option<&HarnessSnapshot>| {
            let (parallelism, backend) = (rng.usize(1..4), any_backend(rng.u64(..)));
            let mut harness = Harness::with_backend(job(&spec), parallelism, snapshot, &backend);
            harness.seed(rng.u64(..));
            harness
        };
        let mut harness = build(rng, None);
        let (mut found, mut on_time, mut watermark) = (Vec::new(), Vec::new(), i64::MIN);
        for (arrival, (event, time)) in arriving {
            // Trails the events by less than some of them are late.
            if rng.u8(..3) == 0 && arrival - 6 > watermark {
                watermark = arrival - 6;
                harness.watermark(at(watermark));
            }
            if time > watermark {
                on_time.push((event.clone(), time));
            }
            harness.push_at(event, at(time));
            if rng.u8(..10) == 0 {
                found.extend(harness.output());
                let snapshot = if rng.bool() { harness.snapshot() } else { harness.savepoint() };
                harness = build(rng, Some(&snapshot));
            }
        }
        harness.end();
        found.extend(harness.output());
        // Which partial matches end by time and which are skipped before depends on how time goes on.
        let counts = |reported: &Reported| reported.0 || spec.after_match == AfterMatch::NoSkip;
        on_time.sort_by_key(|(_, time)| *time);
        let found = sorted(found.into_iter().filter(counts).collect());
        let expected = sorted(expected(&spec, &on_time).into_iter().filter(counts).collect());
        assert_eq!(found, expected, "{spec:#?}");
    });
}
