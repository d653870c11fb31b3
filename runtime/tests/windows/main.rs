//! Every assigner with every trigger, evictor and kind of function: what comes out is what the definition of windows says,
//! also if the job goes on from a snapshot at another parallelism and on another backend.
//!
//! `MILLSTREAM_CASES` says how many cases are run, `MILLSTREAM_SEED` repeats the case of a seed that was printed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[path = "../common/backend.rs"]
mod backend;
mod case;
mod oracle;

use fastrand::Rng;
use millstream::testing::{Harness, HarnessSnapshot};
use millstream::time::Timestamp;

use self::backend::any_backend;
use self::case::{Case, Item, Output, job};
use self::oracle::Oracle;

const KEYS: u64 = 6;

#[test]
fn windows_emit_what_their_definition_says() {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = number("MILLSTREAM_SEED") {
        return check(seed);
    }
    let cases = number("MILLSTREAM_CASES").unwrap_or(300);
    for _ in 0..cases {
        let seed = fastrand::u64(..);
        let checked = std::panic::catch_unwind(|| check(seed));
        assert!(checked.is_ok(), "to try again, set MILLSTREAM_SEED={seed}");
    }
}

fn check(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let case = Case::random(&mut random);
    let keys = if case.unkeyed { 1 } else { KEYS };
    let mut oracles: Vec<Oracle<'_>> = (0..keys).map(|key| Oracle::new(&case, key)).collect();
    let start = |random: &mut Rng, from: Option<&HarnessSnapshot>| {
        let (parallelism, backend) = (random.usize(1..4), any_backend(random.u64(..)));
        let mut harness = Harness::with_backend(|items| job(&case, items), parallelism, from, &backend);
        harness.seed(random.u64(..));
        harness
    };
    let mut harness = start(&mut random, None);
    let (mut event_time, mut now, mut number) = (0, 0, 0);
    for step in 0..random.usize(1..20) {
        let mut expected = Vec::new();
        match random.u8(..8) {
            0..4 => {
                for _ in 0..random.usize(1..30) {
                    let (weight, time) = (random.i64(0..60), event_time + random.i64(-40..40));
                    let item = Item { key: random.u64(..keys), number, weight, time };
                    number += 1;
                    expected.extend(oracles[item.key as usize].record(item.clone()));
                    harness.push_at(item, Timestamp::from_millis(time));
                }
            }
            4 | 5 => {
                event_time += random.i64(0..30);
                oracles.iter_mut().for_each(|oracle| expected.extend(oracle.advance(event_time)));
                harness.watermark(Timestamp::from_millis(event_time));
            }
            6 => {
                now += random.i64(0..30);
                harness.advance_processing_time(Timestamp::from_millis(now));
                oracles.iter_mut().for_each(|oracle| expected.extend(oracle.advance_clock(now)));
            }
            _ => {
                let snapshot = if random.bool() { harness.snapshot() } else { harness.savepoint() };
                harness = start(&mut random, Some(&snapshot));
                harness.advance_processing_time(Timestamp::from_millis(now));
            }
        }
        compare(&case, harness.output(), expected, &format!("at step {step}"));
    }
    harness.end();
    let expected = oracles.iter_mut().flat_map(|oracle| oracle.advance(i64::MAX)).collect();
    compare(&case, harness.output(), expected, "at the end");
}

/// Outputs of different keys and windows come in no particular order.
#[track_caller]
fn compare(case: &Case, mut actual: Vec<Output>, mut expected: Vec<Output>, when: &str) {
    for outputs in [&mut actual, &mut expected] {
        for output in outputs.iter_mut() {
            if let Output::Fired(.., records) = output
                && case.shares_panes()
            {
                records.sort_unstable();
            }
        }
        outputs.sort_unstable();
    }
    assert_eq!(actual, expected, "{case:?} {when}");
}
