//! Complex event processing finds what Apache Flink finds.
//!
//! The fixtures are random cases with the answers of Flink 2.2. Where Java 17 and Maven are, `--ignored` asks Flink anew:
//! `MILLSTREAM_CASES` says how many random cases, and `MILLSTREAM_SEED` from which seed on.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[path = "../common/backend.rs"]
mod backend;
mod case;
mod compare;
mod flink;
mod generate;
mod job;
mod ours;
mod pick;
mod shrink;

use std::fmt::Debug;
use std::str::FromStr;

use backend::any_backend;
use case::{Answer, Case};
use fastrand::Rng;
use job::Move;

const FIXTURES: &str = include_str!("../fixtures/cep_flink.jsonl");

#[test]
fn without_a_job_the_fixtures_have_flinks_matches() {
    check(&flink::read(FIXTURES), without_a_job);
}

#[test]
fn jobs_that_are_moved_to_another_parallelism_have_flinks_matches() {
    check(&flink::read(FIXTURES), by_a_job);
}

#[test]
#[ignore = "needs Java 17 and Maven, and fetches Flink"]
fn random_cases_have_flinks_matches() {
    let seed = from_environment("MILLSTREAM_SEED").unwrap_or_else(|| fastrand::u64(..u64::MAX / 2));
    let cases: u64 = from_environment("MILLSTREAM_CASES").unwrap_or(2000);
    eprintln!("MILLSTREAM_SEED={seed}");
    let cases: Vec<Case> = (seed..seed + cases).map(generate::case).collect();
    for cases in cases.chunks(2000) {
        let cases = flink::answered(cases);
        check(&cases, without_a_job);
        check(&cases, by_a_job);
    }
}

#[test]
#[ignore = "writes the fixtures anew; needs Java 17 and Maven, and fetches Flink"]
fn fixtures_are_written() {
    let cases: Vec<Case> = (0..from_environment("MILLSTREAM_CASES").unwrap_or(7000)).map(generate::case).collect();
    let cases = pick::diverse(flink::answered(&cases));
    let lines: String = cases.iter().map(|case| flink::line(case) + "\n").collect();
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cep_flink.jsonl"), lines).unwrap();
}

fn from_environment<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error:?}")))
}

/// How a case's answer differs from Flink's.
type Difference = fn(&Case) -> Option<String>;

fn without_a_job(case: &Case) -> Option<String> {
    compare::difference(case, &ours::without_a_job(case))
}

fn by_a_job(case: &Case) -> Option<String> {
    // Always the same for the same case.
    let mut random = Rng::with_seed(flink::line(&Case { flink: None, ..case.clone() }).len() as u64);
    let mut place = || (random.usize(1..4), any_backend(random.u64(..)));
    let (from, to) = (place(), place());
    let moved = Move { before: random.usize(0..=case.input.len()), from, to };
    let ours: Answer = job::by_a_job(case, &moved)?;
    compare::difference_of_job(case, &ours).map(|difference| format!("{moved:?}: {difference}"))
}

#[track_caller]
fn check(cases: &[Case], difference: Difference) {
    let different: Vec<&Case> = cases.iter().filter(|case| difference(case).is_some()).collect();
    let Some(first) = different.first() else { return };
    let smallest =
        if std::env::var("MILLSTREAM_SHRINK").is_ok() { smallest(first, difference) } else { (*first).clone() };
    panic!(
        "{} of {} cases differ, the first: {}\n{}",
        different.len(),
        cases.len(),
        difference(&smallest).unwrap(),
        flink::line(&smallest)
    );
}

/// A small case that differs, found by leaving out parts of one.
fn smallest(case: &Case, difference: Difference) -> Case {
    let smaller = flink::answered(&shrink::smaller(case));
    match smaller.iter().find(|case| difference(case).is_some()) {
        Some(smaller) => smallest(smaller, difference),
        None => case.clone(),
    }
}
