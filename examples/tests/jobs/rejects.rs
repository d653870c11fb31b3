//! Malformed rows of a file in a running job, by each policy; and the place in a file that an error names.

use std::fs;
use std::path::PathBuf;

use millstream::prelude::*;
use millstream_connectors::file::{FileSource, Malformed};

/// A CSV file of 3000 rows, of which every hundredth is malformed.
fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.csv");
    let rows = (0..3000).map(|n| if n % 100 == 50 { format!("row {n},?\n") } else { format!("row {n},{n}\n") });
    fs::write(&path, "name,number\n".to_owned() + &rows.collect::<String>()).unwrap();
    (directory, path)
}

fn source(path: &PathBuf, policy: Malformed) -> impl millstream::connector::Source<Out = (String, u64)> + use<> {
    // Several splits, so that lines are counted from other places than the beginning too.
    FileSource::csv::<(String, u64)>(path).splittable().split_bytes(5000).on_malformed(policy)
}

#[test]
fn rejected_rows_come_with_their_places_and_texts() {
    let (_directory, path) = file();
    for parallelism in [1, 3] {
        let env = Environment::new("rejects");
        env.set_parallelism(parallelism);
        let rows = env.source(source(&path, Malformed::SideOutput));
        let rejected = rows.rejected().collect();
        let good = rows.collect();
        env.execute().unwrap();
        assert_eq!(good.len(), 2970);
        let rejected = rejected.take_sorted();
        assert_eq!(rejected.len(), 30);
        for (place, text) in rejected {
            let number: u64 = text.strip_prefix("row ").unwrap().strip_suffix(",?").unwrap().parse().unwrap();
            // One for the header, one since lines count from 1.
            let expected = format!("{} line {} column {}", path.display(), number + 2, text.len());
            assert!(place.starts_with(&expected), "{place}: {expected}");
        }
    }
}

#[test]
fn skipped_rows_are_counted() {
    let (_directory, path) = file();
    let env = Environment::new("skips");
    env.set_parallelism(2);
    let good = env.source(source(&path, Malformed::Skip)).collect();
    let summary = env.execute().unwrap();
    assert_eq!((good.len(), summary.records_failed), (2970, 30));
}

#[test]
fn whatever_fails_in_the_chain_of_a_file_names_its_line() {
    let (_directory, path) = file();
    let expected = format!("{} line 2779: panicked: not this one", path.display());
    let check = |number: u64| assert!(number != 2777, "not this one");
    type Job = fn(Stream<(String, u64)>, fn(u64));
    let jobs: [Job; 3] = [
        |rows, check| drop(rows.map(move |row| check(row.1)).collect()),
        |rows, check| {
            let key = move |row: &(String, u64)| {
                check(row.1);
                row.1
            };
            rows.key_by_owned(key).count().collect();
        },
        |rows, check| {
            let event_time = move |row: &(String, u64)| {
                check(row.1);
                Timestamp::from_millis(0)
            };
            rows.watermarks(WatermarkStrategy::monotonous().timestamps(event_time)).collect();
        },
    ];
    for job in jobs {
        let env = Environment::new("fails");
        env.set_parallelism(2);
        job(env.source(source(&path, Malformed::Skip)), check);
        let error = env.execute().unwrap_err().to_string();
        assert!(error.contains(&expected), "{error}");
    }
}
