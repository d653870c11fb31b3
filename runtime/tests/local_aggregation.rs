//! Aggregates in two steps give what they give in one: through salted exchanges, with small tables, across restores.

#[path = "common/backend.rs"]
mod backend;

use std::collections::BTreeMap;

use millstream::prelude::*;
use millstream::testing::Harness;
use millstream::window::Sliding;
use proptest::prelude::*;

use self::backend::any_backend;

/// A key and an amount.
type Payment = (u8, i64);

#[derive(Clone)]
struct Sum;

impl Aggregate for Sum {
    type In = Payment;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        0
    }

    fn add(&self, sum: &mut i64, payment: Payment) {
        *sum += payment.1;
    }

    fn merge(&self, sum: &mut i64, other: i64) {
        *sum += other;
    }

    fn result(&self, sum: &i64) -> i64 {
        *sum
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Keys, amounts, and how far ahead of the watermark.
    Payments(Vec<(u8, i64, i64)>),
    /// By how much event time goes on.
    Watermark(i64),
    /// A snapshot is taken, and restored at this parallelism, on any backend.
    Restore(usize, u64),
}

/// How the first step is set.
#[derive(Debug, Clone, Copy)]
struct Settings {
    max_partials: usize,
    salts: Option<usize>,
    size: u64,
    slide: u64,
}

impl Settings {
    fn windows(self) -> Sliding {
        Sliding::of(Duration::from_millis(self.size), Duration::from_millis(self.slide))
    }

    fn local(self, payments: Stream<Payment>) -> millstream::stream::LocalAggregation<u8, Payment> {
        let local = payments.key_by(|payment| &payment.0).local_aggregation().max_partials(self.max_partials);
        match self.salts {
            Some(salts) => local.salted(salts),
            None => local,
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // A few keys have most of the payments.
    let key = prop_oneof![4 => 0u8..2, 1 => 0u8..20];
    let payments = prop::collection::vec((key, 1i64..100, -60i64..60), 1..40);
    let step = prop_oneof![
        6 => payments.prop_map(Step::Payments),
        3 => (0i64..30).prop_map(Step::Watermark),
        1 => (1usize..4, any::<u64>()).prop_map(|(parallelism, backend)| Step::Restore(parallelism, backend)),
    ];
    prop::collection::vec(step, 1..16)
}

fn settings() -> impl Strategy<Value = Settings> {
    (1usize..8, prop::option::of(1usize..5), 1u64..30, 1u64..30)
        .prop_map(|(max_partials, salts, size, slide)| Settings { max_partials, salts, size, slide })
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("MILLSTREAM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What has come out after each step.
fn run<U: Data>(job: impl Fn(Stream<Payment>) -> Stream<U>, steps: &[Step]) -> Vec<Vec<U>> {
    let mut harness = Harness::with_backend(&job, 2, None, &any_backend(steps.len() as u64));
    let mut reached = 0;
    let mut after = Vec::new();
    for step in steps {
        match step {
            Step::Payments(payments) => payments.iter().for_each(|(key, amount, ahead)| {
                harness.push_at((*key, *amount), Timestamp::from_millis(reached + ahead));
            }),
            Step::Watermark(by) => {
                reached += by;
                harness.watermark(Timestamp::from_millis(reached));
            }
            Step::Restore(parallelism, backend) => {
                let snapshot = harness.snapshot();
                after.push(harness.output());
                harness = Harness::with_backend(&job, *parallelism, Some(&snapshot), &any_backend(*backend));
            }
        }
        after.push(harness.output());
    }
    harness.end();
    after.push(harness.output());
    after
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn windows_of_partial_sums_are_windows_of_records(steps in steps(), settings in settings()) {
        let sorted = |after: Vec<Vec<(u8, i64)>>| -> Vec<Vec<(u8, i64)>> {
            after.into_iter().map(|mut results| { results.sort_unstable(); results }).collect()
        };
        let plain = run(|payments| payments.key_by(|payment| &payment.0).window(settings.windows()).aggregate(Sum), &steps);
        let local = run(|payments| settings.local(payments).window(settings.windows()).aggregate(Sum), &steps);
        prop_assert_eq!(sorted(local), sorted(plain));
    }

    #[test]
    fn the_last_result_of_each_key_is_that_of_all_its_records(steps in steps(), settings in settings()) {
        let last = |after: &[Vec<(u8, i64)>]| after.iter().flatten().copied().collect::<BTreeMap<u8, i64>>();
        let plain = run(|payments| payments.key_by(|payment| &payment.0).aggregate(Sum), &steps);
        let local = run(|payments| settings.local(payments).aggregate(Sum), &steps);
        prop_assert_eq!(last(&local), last(&plain));
        prop_assert!(local.iter().flatten().count() <= plain.iter().flatten().count());
    }
}

#[test]
fn settings_that_cannot_be_are_told_when_the_job_is_planned() {
    type Sums = fn(KeyedStream<u8, Payment>) -> Stream<(u8, i64)>;
    let check = |job: Sums, expected: &str| {
        let env = Environment::new("invalid");
        job(env.from_collection(Vec::<Payment>::new()).key_by(|payment| &payment.0)).collect();
        let error = env.execute().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(|keyed| keyed.local_aggregation().max_partials(0).aggregate(Sum), "0 partial sums kept: allow at least 1");
    check(|keyed| keyed.local_aggregation().salted(0).aggregate(Sum), "0 salts for each key");
    check(
        |keyed| {
            let gap = millstream::window::Session::gap(Duration::from_secs(1));
            keyed.local_aggregation().window(gap).aggregate(Sum)
        },
        "partial sums need tumbling or sliding windows in event time",
    );
}
