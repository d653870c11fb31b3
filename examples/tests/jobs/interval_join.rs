//! `interval_join` gives what a plain nested loop gives, and accounts for every payment however late it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use millstream::time::Timestamp;
use serde::Deserialize;

use super::running::{Random, json_lines, succeed};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paid {
    order: u64,
    customer: String,
    ordered_cents: u64,
    paid_cents: u64,
    after_seconds: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    order: u64,
    received: String,
    cents: u64,
}

fn millis(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_millis()
}

fn rows(csv: &str) -> impl Iterator<Item = Vec<&str>> {
    csv.lines().skip(1).map(|line| line.split(',').collect())
}

/// The pairs by a nested loop.
fn nested_loop(orders: &str, payments: &str, within_seconds: i64) -> Vec<Paid> {
    let mut all = Vec::new();
    for order in rows(orders) {
        for payment in rows(payments).filter(|payment| payment[0] == order[0]) {
            let after = millis(payment[1]) - millis(order[1]);
            if (0..=within_seconds * 1000).contains(&after) {
                all.push(Paid {
                    order: order[0].parse().unwrap(),
                    customer: order[2].to_owned(),
                    ordered_cents: order[3].parse().unwrap(),
                    paid_cents: payment[2].parse().unwrap(),
                    after_seconds: after / 1000,
                });
            }
        }
    }
    all.sort();
    all
}

/// Runs the example; answers with the pairs and the late payments, in order.
#[track_caller]
fn run(orders: &str, payments: &str, args: &str) -> (Vec<Paid>, Vec<Late>) {
    let directory = tempfile::tempdir().unwrap();
    let [orders_csv, payments_csv, output] =
        ["orders.csv", "payments.csv", "paid"].map(|name| directory.path().join(name));
    fs::write(&orders_csv, orders).unwrap();
    fs::write(&payments_csv, payments).unwrap();
    let (orders, payments) = (orders_csv.display(), payments_csv.display());
    let args = format!("--orders {orders} --payments {payments} --output {} {args}", output.display());
    succeed("interval_join", args.split(' '));
    let (mut paid, mut late) = (json_lines(&output, &["late"]), json_lines(&output.join("late"), &[]));
    paid.sort();
    late.sort();
    (paid, late)
}

/// Orders and payments, each in an order that is off by up to ten minutes.
fn random(seed: u64, count: u64) -> (String, String) {
    let mut random = Random(seed);
    let (mut orders, mut payments) = (Vec::new(), Vec::new());
    for number in 0..count {
        let placed = number as i64 * 20_000;
        let at = |millis: i64| Timestamp::from_millis(millis);
        let written = placed + random.below(600_000) as i64;
        orders.push((written, format!("{number},{},c{},{}\n", at(placed), number % 7, random.below(9999))));
        for _ in 0..random.below(3) {
            let received = placed + random.below(8_000) as i64 * 1000 - 600_000;
            let written = received + random.below(600_000) as i64;
            payments.push((written, format!("{number},{},{}\n", at(received), random.below(9999))));
        }
    }
    let text = |header: &str, mut rows: Vec<(i64, String)>| {
        rows.sort();
        rows.into_iter().fold(header.to_owned(), |text, (_, row)| text + &row)
    };
    (text("number,placed,customer,cents\n", orders), text("order,received,cents\n", payments))
}

#[test]
fn payments_are_paired_as_by_a_nested_loop() {
    let (orders, payments) = random(1, 2000);
    for parallelism in [1, 3] {
        let (paid, late) = run(&orders, &payments, &format!("--within 30min --parallelism {parallelism}"));
        assert_eq!(paid, nested_loop(&orders, &payments, 1800));
        assert!(late.is_empty());
    }
}

#[test]
fn each_pair_of_a_payment_that_is_not_late_is_found() {
    let (orders, payments) = random(2, 2000);
    let (paid, late) = run(&orders, &payments, "--within 1h --out-of-orderness 0 --parallelism 2");
    let all: BTreeSet<Paid> = nested_loop(&orders, &payments, 3600).into_iter().collect();
    assert!(!late.is_empty() && paid.len() < all.len());
    assert!(paid.iter().all(|pair| all.contains(pair)));
}

#[test]
fn the_sample_has_orders_that_are_paid_in_time_and_others() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let [orders, payments] = ["orders.csv", "payments.csv"].map(|name| fs::read_to_string(data.join(name)).unwrap());
    let (paid, late) = run(&orders, &payments, "--within 30min");
    assert_eq!(paid, nested_loop(&orders, &payments, 1800));
    assert!(late.is_empty() && paid.len() > 20 && paid.len() < rows(&payments).count());
}
