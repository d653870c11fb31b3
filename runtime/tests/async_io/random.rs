//! Random arrivals, answers, failures, delays and restores against what each record must have become by itself.
//!
//! `MILLSTREAM_CASES` says how many cases are tried, `MILLSTREAM_SEED` repeats the one of a seed that was printed.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use millstream::operator::{AsyncOptions, OnError, RetryStrategy};
use millstream::prelude::*;
use millstream::testing::Harness;

use super::service::{Lookup, Service};

const RETRIES: u32 = 2;
const DELAY_MS: i64 = 10;
/// What is added to a record that has failed for good.
const FAILED: u64 = 1_000;
const ERRORS: OutputTag<(u64, String)> = OutputTag::new("errors");

#[test]
fn every_record_has_its_result_once_and_in_its_place() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = number("MILLSTREAM_SEED") {
        return check(seed);
    }
    for _ in 0..number("MILLSTREAM_CASES").unwrap_or(40) {
        let seed = fastrand::u64(..);
        let case = std::panic::catch_unwind(|| check(seed));
        assert!(case.is_ok(), "to try again, set MILLSTREAM_SEED={seed}");
    }
}

fn check(seed: u64) {
    let mut case = Case::new(Rng::with_seed(seed));
    for _ in 0..60 {
        match case.random.u32(0..10) {
            0..3 => case.push(),
            3 => case.watermark(),
            4 => case.wait(),
            5 if !case.harness.is_blocked() => case.restore(),
            _ => case.reply(),
        }
        case.look();
    }
    case.harness.end();
    let mut rounds = 0;
    while case.seen.len() < case.pushed as usize {
        rounds += 1;
        assert!(rounds < 10_000, "{} of {} records have come out", case.seen.len(), case.pushed);
        case.reply();
        case.wait();
        case.look();
    }
    assert!(case.seen.into_iter().eq(0..case.pushed));
}

/// A job with what it has been given, and what is known of its records.
struct Case {
    random: Rng,
    service: Service,
    ordered: bool,
    capacity: usize,
    harness: Harness<u64, u64>,
    now: i64,
    pushed: u64,
    /// The first record behind each watermark since the last restore, which forgets those still on their way.
    watermarks: Vec<u64>,
    /// How often a record has failed since the last restore, which begins anew with what is in flight.
    failures: BTreeMap<u64, u32>,
    /// Records that have come out.
    seen: BTreeSet<u64>,
    /// The last one that has come out well, as long as there has been one subtask only: several have orders of their own.
    last: Option<u64>,
    /// Whether there has been one subtask only.
    single: bool,
}

impl Case {
    fn new(mut random: Rng) -> Self {
        let (service, ordered, capacity) = (Service::default(), random.bool(), random.usize(1..6));
        let harness = Harness::new(job(&service, ordered, capacity));
        let (failures, seen) = (BTreeMap::new(), BTreeSet::new());
        let (now, pushed, watermarks, last, single) = (0, 0, Vec::new(), None, true);
        Self { random, service, ordered, capacity, harness, now, pushed, watermarks, failures, seen, last, single }
    }

    fn push(&mut self) {
        self.harness.push_at(self.pushed, Timestamp::from_millis(self.pushed as i64));
        self.pushed += 1;
    }

    fn watermark(&mut self) {
        self.harness.watermark(Timestamp::from_millis(self.pushed as i64 - 1));
        self.watermarks.push(self.pushed);
    }

    fn wait(&mut self) {
        self.now += self.random.i64(1..2 * DELAY_MS);
        self.harness.advance_processing_time(Timestamp::from_millis(self.now));
    }

    /// Answers a request, or has it fail.
    fn reply(&mut self) {
        self.harness.settle();
        let Some(number) = self.random.choice(self.service.waiting()) else { return };
        if self.random.u32(0..3) == 0 {
            *self.failures.entry(number).or_default() += 1;
            self.service.fail(number);
        } else {
            self.service.answer(number);
        }
    }

    fn restore(&mut self) {
        let snapshot = self.harness.snapshot();
        self.look();
        let parallelism = self.random.usize(1..4);
        self.single &= parallelism == 1;
        let job = job(&self.service, self.ordered, self.capacity);
        self.harness = Harness::restored(job, parallelism, &snapshot);
        self.now = 0;
        self.watermarks.clear();
        self.failures.retain(|number, _| self.seen.contains(number));
    }

    /// Looks at what has come out.
    fn look(&mut self) {
        for result in self.harness.output() {
            let number = result % FAILED;
            let failures = self.failures.get(&number).copied().unwrap_or(0);
            assert_eq!(result >= FAILED, failures > RETRIES, "{number} has failed {failures} times");
            assert!(self.seen.insert(number), "{number} comes out twice");
            if result < FAILED && self.single {
                self.check_place(number);
            }
        }
    }

    fn check_place(&mut self, number: u64) {
        let stretch = |number: u64| self.watermarks.partition_point(|watermark| *watermark <= number);
        if let Some(last) = self.last.replace(number) {
            let in_place = if self.ordered { last < number } else { stretch(last) <= stretch(number) };
            assert!(in_place, "{number} behind {last}, watermarks before {:?}", self.watermarks);
        }
    }
}

fn job(service: &Service, ordered: bool, capacity: usize) -> impl FnOnce(Stream<u64>) -> Stream<u64> + use<> {
    let lookup = Lookup::new(service);
    let options = if ordered { AsyncOptions::ordered() } else { AsyncOptions::unordered() };
    let delay = Duration::from_millis(DELAY_MS as u64);
    let options = options.capacity(capacity).retry(RetryStrategy::fixed_delay(RETRIES, delay));
    move |numbers| {
        let found = numbers.process_async_or("lookup", lookup, options, OnError::SideOutput(ERRORS));
        let failed = found.side_output(ERRORS).map(|(number, _)| number + FAILED);
        found.union([failed])
    }
}
