//! `sessions` gives what sorting each user's views and cutting them at the gaps gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millstream::time::Timestamp;
use serde::Deserialize;

use super::running::{Random, json_lines, succeed};

const MINUTE: i64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserSession {
    user: String,
    start: String,
    end: String,
    events: u64,
}

fn expected(csv: &str, gap: i64) -> Vec<UserSession> {
    let mut views: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        views.entry(fields[1]).or_default().push(fields[0].parse::<Timestamp>().unwrap().as_millis());
    }
    let mut sessions = Vec::new();
    for (user, mut times) in views {
        times.sort_unstable();
        for session in times.chunk_by(|before, after| after - before <= gap) {
            let [start, end] =
                [session[0], session[session.len() - 1]].map(|at| Timestamp::from_millis(at).to_string());
            sessions.push(UserSession { user: user.to_owned(), start, end, events: session.len() as u64 });
        }
    }
    sessions.sort();
    sessions
}

#[track_caller]
fn check(csv: &str, gap_minutes: i64, parallelism: usize) {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("views.csv"), directory.path().join("sessions"));
    fs::write(&input, csv).unwrap();
    let args = format!(
        "--input {} --output {} --gap {gap_minutes}m --out-of-orderness 48h --parallelism {parallelism}",
        input.display(),
        output.display()
    );
    succeed("sessions", args.split(' '));
    let mut sessions: Vec<UserSession> = json_lines(&output, &["late"]);
    sessions.sort();
    assert_eq!(sessions, expected(csv, gap_minutes * MINUTE), "parallelism {parallelism}");
    assert_eq!(json_lines::<serde_json::Value>(&output.join("late"), &[]).len(), 0);
}

/// Views of a few users over a day, out of order by up to an hour.
fn views(seed: u64, count: i64) -> String {
    let mut random = Random(seed);
    let begin = "2024-03-01T00:00:00Z".parse::<Timestamp>().unwrap().as_millis();
    let rows = (0..count).map(|number| {
        let at = begin + number * 24 * 60 * MINUTE / count - random.below(60) as i64 * MINUTE;
        format!("{},user{},/page/{number}\n", Timestamp::from_millis(at), random.below(40))
    });
    std::iter::once("at,user,page\n".to_owned()).chain(rows).collect()
}

#[test]
fn the_sample_is_cut_at_the_gaps() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/page-views.csv");
    let csv = fs::read_to_string(sample).unwrap();
    for parallelism in [1, 3] {
        check(&csv, 30, parallelism);
    }
}

#[test]
fn sessions_that_a_late_view_joins_are_one() {
    let csv = views(1, 5000);
    for (gap, parallelism) in [(1, 2), (10, 1), (45, 4)] {
        check(&csv, gap, parallelism);
    }
}
