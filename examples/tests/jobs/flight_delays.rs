//! `flight_delays` gives what a plain group-by gives, and accounts for every flight however late it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millstream::time::Timestamp;
use serde::Deserialize;

use super::running::{Random, json_lines, succeed};

const HOUR: i64 = 3_600_000;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct HourlyDelays {
    origin: String,
    window_start: String,
    window_end: String,
    flights: u64,
    mean_delay_min: f64,
    max_delay_min: i64,
    revision: u32,
}

/// A late flight as it is written: the whole record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "all fields must be there, and no others")]
struct Late {
    reported: String,
    scheduled: String,
    delay_min: i64,
    distance_mi: i64,
    origin: String,
    destination: String,
}

/// An origin and the start of an hour.
type Window = (String, String);
/// The delays of a window's flights.
type Groups = BTreeMap<Window, Vec<i64>>;

fn hour_of(scheduled: &str) -> String {
    let millis = scheduled.parse::<Timestamp>().unwrap().as_millis();
    Timestamp::from_millis(millis - millis.rem_euclid(HOUR)).to_string()
}

fn group_by_hour(csv: &str) -> Groups {
    let mut groups = Groups::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let window = (fields[4].to_owned(), hour_of(fields[1]));
        groups.entry(window).or_default().push(fields[2].parse().unwrap());
    }
    groups
}

/// Flights in the order of their reports, most of which come soon after the departure, and some many hours after.
fn flights(seed: u64, count: usize) -> String {
    const AIRPORTS: [&str; 9] = ["LAX", "ATL", "ORD", "ANC", "PWM", "BOS", "HSV", "LGA", "SFO"];
    let mut random = Random(seed);
    let begin = "2001-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_millis();
    let mut rows: Vec<(i64, String)> = (0..count as i64)
        .map(|number| {
            let scheduled = begin + number * 10 * 24 * HOUR / count as i64 / 60_000 * 60_000;
            let delay = random.below(60) as i64 - 15;
            let slow = if random.below(12) == 0 { random.below(40) as i64 * HOUR / 4 } else { 0 };
            let reported = scheduled + delay * 60_000 + slow;
            let (from, to) = (AIRPORTS[random.below(9) as usize], AIRPORTS[random.below(9) as usize]);
            let [reported_at, scheduled] = [reported, scheduled].map(Timestamp::from_millis);
            (reported, format!("{reported_at},{scheduled},{delay},{},{from},{to}\n", random.below(2500)))
        })
        .collect();
    rows.sort();
    let header = "reported,scheduled,delay_min,distance_mi,origin,destination\n".to_owned();
    rows.into_iter().fold(header, |text, (_, row)| text + &row)
}

/// Runs the example; answers with its results in the order in which each subtask wrote them, and the late flights.
#[track_caller]
fn run(csv: &str, args: &str) -> (Vec<HourlyDelays>, Vec<Late>) {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("flights.csv"), directory.path().join("delays"));
    fs::write(&input, csv).unwrap();
    let args = format!("--input {} --output {} {args}", input.display(), output.display());
    succeed("flight_delays", args.split(' '));
    (json_lines(&output, &["late"]), json_lines(&output.join("late"), &[]))
}

#[track_caller]
fn equals_group_by(csv: &str, parallelism: usize) {
    let (results, late) = run(csv, &format!("--out-of-orderness 48h --parallelism {parallelism}"));
    assert!(late.is_empty(), "{late:?}");
    let mut groups = group_by_hour(csv);
    for result in &results {
        let window = (result.origin.clone(), result.window_start.clone());
        let delays = groups.remove(&window).unwrap_or_else(|| panic!("unexpected or repeated: {result:?}"));
        assert_eq!(result.revision, 0, "{result:?}");
        agrees(result, &delays);
    }
    assert!(groups.is_empty(), "missing: {groups:?}");
}

#[track_caller]
fn agrees(result: &HourlyDelays, delays: &[i64]) {
    let end = result.window_start.parse::<Timestamp>().unwrap().as_millis() + HOUR;
    assert_eq!(result.window_end, Timestamp::from_millis(end).to_string());
    assert_eq!(result.flights, delays.len() as u64, "{result:?}");
    assert_eq!(result.max_delay_min, *delays.iter().max().unwrap(), "{result:?}");
    let mean = delays.iter().sum::<i64>() as f64 / delays.len() as f64;
    assert_eq!(result.mean_delay_min.to_bits(), as_read(mean).to_bits(), "{result:?}");
}

/// The number after being written as JSON and read, which can cost the last bit; the text is exact.
fn as_read(number: f64) -> f64 {
    serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap()
}

#[test]
fn with_a_bound_above_all_delays_the_sample_equals_a_group_by() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flights-sample.csv");
    let csv = fs::read_to_string(sample).unwrap();
    for parallelism in [1, 2, 4] {
        equals_group_by(&csv, parallelism);
    }
}

#[test]
fn with_a_bound_above_all_delays_generated_flights_equal_a_group_by() {
    let csv = flights(1, 20_000);
    for parallelism in [1, 2, 4] {
        equals_group_by(&csv, parallelism);
    }
}

/// Slowly enough for several periodic watermarks to pass while flights still come.
fn every_flight_is_accounted_for(parallelism: usize) {
    let csv = flights(2, 3000);
    let args = format!("--out-of-orderness 1h --allowed-lateness 4h --rate 1500 --parallelism {parallelism}");
    let (results, late) = run(&csv, &args);
    let mut groups = group_by_hour(&csv);
    for flight in &late {
        let window = (flight.origin.clone(), hour_of(&flight.scheduled));
        let delays = groups.get_mut(&window).unwrap();
        let at = delays.iter().position(|delay| *delay == flight.delay_min);
        delays.swap_remove(at.unwrap_or_else(|| panic!("written as late twice: {flight:?}")));
    }
    groups.retain(|_, delays| !delays.is_empty());

    let mut revisions: BTreeMap<Window, Vec<HourlyDelays>> = BTreeMap::new();
    for result in results {
        revisions.entry((result.origin.clone(), result.window_start.clone())).or_default().push(result);
    }
    assert!(!late.is_empty(), "no flight was late");
    assert!(revisions.values().any(|all| all.len() > 1), "no window fired again");
    for (window, mut all) in revisions {
        all.sort_by_key(|result| result.revision);
        for (revision, result) in all.iter().enumerate() {
            assert_eq!(result.revision as usize, revision, "{all:?}");
            assert_eq!(result.flights, all[0].flights + revision as u64, "{all:?}");
        }
        let delays = groups.remove(&window).unwrap_or_else(|| panic!("only late flights: {all:?}"));
        agrees(&all[all.len() - 1], &delays);
    }
    assert!(groups.is_empty(), "neither in a window nor late: {groups:?}");
}

#[test]
fn the_last_revisions_and_the_late_flights_are_all_flights() {
    every_flight_is_accounted_for(1);
}

#[test]
fn the_last_revisions_and_the_late_flights_are_all_flights_in_parallel() {
    every_flight_is_accounted_for(2);
}
