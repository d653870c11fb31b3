//! `fraud_detection` gives what a walk through each card's charges in order of time gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millstream::time::Timestamp;
use serde::Deserialize;

use super::running::{Random, json_lines, succeed};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    at: String,
    card: u64,
    small_cents: u64,
    large_cents: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    #[serde(rename = "at")]
    _at: String,
    #[serde(rename = "card")]
    _card: u64,
    #[serde(rename = "cents")]
    _cents: u64,
}

fn millis(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_millis()
}

fn rows(csv: &str) -> impl Iterator<Item = Vec<&str>> {
    csv.lines().skip(1).map(|line| line.split(',').collect())
}

/// The alerts by a walk. No card has two charges at a time.
fn walk(charges: &str, rules: &str) -> Vec<Alert> {
    let limit = |row: Vec<&str>| (millis(row[0]), (row[1].parse().unwrap(), row[2].parse().unwrap()));
    let limits: BTreeMap<i64, (u64, u64)> = rows(rules).map(limit).collect();
    let mut by_card: BTreeMap<u64, BTreeMap<i64, u64>> = BTreeMap::new();
    for row in rows(charges) {
        by_card.entry(row[1].parse().unwrap()).or_default().insert(millis(row[0]), row[2].parse().unwrap());
    }
    let mut alerts = Vec::new();
    for (card, charges) in by_card {
        let mut tried: Vec<(i64, u64)> = Vec::new();
        for (at, cents) in charges {
            tried.retain(|(tried_at, _)| at - tried_at < 60_000);
            let Some((_, (small, large))) = limits.range(..=at).next_back() else { continue };
            if cents <= *small {
                tried.push((at, cents));
            } else if cents >= *large && !tried.is_empty() {
                let at = Timestamp::from_millis(at).to_string();
                alerts.push(Alert { at, card, small_cents: tried[0].1, large_cents: cents });
                tried.clear();
            }
        }
    }
    alerts.sort();
    alerts
}

/// Runs the example; answers with the alerts in order, and how many charges were late.
#[track_caller]
fn run(charges: &str, rules: &str, args: &str) -> (Vec<Alert>, usize) {
    let directory = tempfile::tempdir().unwrap();
    let [charges_csv, rules_csv, output] =
        ["charges.csv", "rules.csv", "alerts"].map(|name| directory.path().join(name));
    fs::write(&charges_csv, charges).unwrap();
    fs::write(&rules_csv, rules).unwrap();
    let (charges, rules) = (charges_csv.display(), rules_csv.display());
    let args = format!("--charges {charges} --rules {rules} --output {} {args}", output.display());
    succeed("fraud_detection", args.split(' '));
    let mut alerts: Vec<Alert> = json_lines(&output, &["late"]);
    alerts.sort();
    (alerts, json_lines::<Late>(&output.join("late"), &[]).len())
}

/// Charges in an order that is off by up to half a minute, and rules that change every ten minutes.
fn random(seed: u64, count: u64) -> (String, String) {
    let mut random = Random(seed);
    let mut charges = Vec::new();
    for number in 0..count {
        // Of a second of its own.
        let at = number as i64 * 1000;
        let cents = match random.below(3) {
            0 => random.below(300),
            1 => 300 + random.below(10_000),
            _ => 10_000 + random.below(90_000),
        };
        let written = at + random.below(30_000) as i64;
        charges.push((written, format!("{},{},{cents}\n", Timestamp::from_millis(at), random.below(40))));
    }
    charges.sort();
    let charges = charges.into_iter().fold("at,card,cents\n".to_owned(), |text, (_, row)| text + &row);
    let mut rules = "from,small_cents,large_cents\n".to_owned();
    for from in (30..count as i64).step_by(600) {
        let limits = (random.below(300), 5_000 + random.below(50_000));
        rules += &format!("{},{},{}\n", Timestamp::from_millis(from * 1000), limits.0, limits.1);
    }
    (charges, rules)
}

#[test]
fn alerts_are_those_of_a_walk_by_the_rules_of_the_time() {
    let (charges, rules) = random(1, 4000);
    let expected = walk(&charges, &rules);
    assert!(expected.len() > 50);
    for parallelism in [1, 3] {
        let (alerts, late) = run(&charges, &rules, &format!("--parallelism {parallelism}"));
        assert_eq!(alerts, expected);
        assert_eq!(late, 0);
    }
}

#[test]
fn the_sample_has_charges_that_are_alarming_and_others() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let [charges, rules] = ["charges.csv", "charge-rules.csv"].map(|name| fs::read_to_string(data.join(name)).unwrap());
    let (alerts, late) = run(&charges, &rules, "--parallelism 2");
    assert_eq!(alerts, walk(&charges, &rules));
    assert!(late == 0 && alerts.len() > 2 && alerts.len() < 10);
}
