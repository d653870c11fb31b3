//! What a check of a snapshot says: what a job would restore, what is missing, and what does not fit.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[cfg(feature = "rocksdb")]
#[path = "common/backend.rs"]
mod backend;
mod common;

use std::path::Path;
use std::time::Duration;

use millstream::JobError;
use millstream::checkpoint::Checkpointing;
use millstream::connector::{CollectSink, GeneratorSource};
use millstream::prelude::*;
use millstream::restore::RestoreCheck;
use serde::{Deserialize, Serialize};

use common::within_a_minute;

mod before {
    use super::*;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Total {
        pub(crate) amount: u64,
    }
}

mod unfit {
    use super::*;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Total {
        pub(crate) amount: String,
    }
}

#[operator(keyed, uid = "sum")]
fn sum(n: u64, #[state] total: &mut Value<before::Total>) -> u64 {
    total.get_or_default().amount += n;
    n
}

#[operator(keyed, uid = "sum")]
fn unfit_sum(n: u64, #[state] total: &mut Value<unfit::Total>) -> u64 {
    total.get_or_default().amount.push('x');
    n
}

#[operator(keyed, uid = "tally")]
fn tally(n: u64, #[state] total: &mut Value<u64>) -> u64 {
    *total.get_or_default() += n;
    n
}

/// A job whose state is kept by `apply`.
fn job(parallelism: usize, apply: impl FnOnce(KeyedStream<u64, u64>) -> Stream<u64>) -> Environment {
    let env = Environment::new("sums");
    env.set_parallelism(parallelism);
    let numbers = env.source(GeneratorSource::new(1_000_000, |n| n).rate(50_000.0)).uid("numbers");
    let (sink, _output) = CollectSink::new();
    apply(numbers.key_by_owned(|n| n % 10)).map(|n| n + 1).sink(sink).uid("out");
    env
}

/// The path of a savepoint of the job, which had taken a checkpoint before.
fn savepoint(directory: &Path) -> String {
    let env = job(2, |keyed| keyed.apply(sum()));
    let checkpoints = Checkpointing::to(directory.display().to_string()).interval(Duration::from_millis(10));
    env.set_checkpointing(checkpoints);
    let job = env.build().unwrap();
    let handle = job.handle();
    let running = std::thread::spawn(move || job.run());
    while handle.checkpoints().counts().completed == 0 {
        std::thread::yield_now();
    }
    let savepoint = handle.stop_with_savepoint().unwrap();
    running.join().unwrap().unwrap();
    savepoint
}

fn checked(env: &Environment, from: &str) -> RestoreCheck {
    env.restore_from(from);
    env.build().unwrap().check_restore().unwrap()
}

/// Whether a job can go on from a savepoint of the first version, and that each of `lines` begins one of the answer.
#[track_caller]
fn check(env: &Environment, can_go_on: bool, lines: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let savepoint = within_a_minute(|| savepoint(directory.path()));
    let answer = checked(env, &savepoint);
    let text = answer.to_string();
    assert_eq!(answer.can_go_on(), can_go_on, "{text}");
    for line in lines {
        assert!(text.lines().any(|said| said.starts_with(line)), "no {line} in {text}");
    }
    let can = if can_go_on { "can" } else { "cannot" };
    assert!(text.lines().last().unwrap().starts_with(&format!("the job {can} go on from {savepoint}")), "{text}");
}

#[test]
fn what_would_be_restored_is_told_by_operator() {
    let env = job(3, |keyed| keyed.apply(sum()));
    check(
        &env,
        true,
        &["sum: restored (keyed state `total`, ", "source positions:", "  numbers: {", "pending output:"],
    );
}

#[test]
fn a_state_whose_type_has_changed_is_named_with_its_field() {
    let said = "sum: incompatible: the value of state `total`, field `amount`: invalid type: integer";
    check(&job(2, |keyed| keyed.apply(unfit_sum())), false, &[said]);
}

#[cfg(feature = "rocksdb")]
#[test]
fn rows_in_files_of_a_database_are_tried_too() {
    let directory = tempfile::tempdir().unwrap();
    let checkpoints = || Checkpointing::to(directory.path().display().to_string()).interval(Duration::from_millis(10));
    let in_rocksdb = |apply: fn(KeyedStream<u64, u64>) -> Stream<u64>| {
        let env = job(2, apply);
        env.set_checkpointing(checkpoints()).set_state_backend(backend::any_backend(0));
        env
    };
    let job = in_rocksdb(|keyed| keyed.apply(sum())).build().unwrap();
    let handle = job.handle();
    within_a_minute(|| {
        let running = std::thread::spawn(move || job.run());
        // The first may have been taken before any record had come.
        assert!(handle.checkpoints().wait_for_completed(5));
        handle.cancel();
        let _ = running.join();
    });
    let fits = checked(&in_rocksdb(|keyed| keyed.apply(sum())), "latest").to_string();
    assert!(fits.contains("sum: restored (keyed state `total`, "), "{fits}");
    assert!(fits.contains("bytes, the rest in files of a database, parallelism 2"), "{fits}");
    let unfit = checked(&in_rocksdb(|keyed| keyed.apply(unfit_sum())), "latest").to_string();
    let said = "sum: incompatible: the value of state `total`, field `amount`: invalid type: integer";
    assert!(unfit.contains(said), "{unfit}");
}

#[test]
fn state_that_no_operator_takes_is_missed_unless_it_may_be_dropped() {
    let said = "sum: in the snapshot, not in the job (drop it with --allow-non-restored-state)";
    check(&job(2, |keyed| keyed.apply(tally())), false, &["tally: nothing to restore", said]);
    let env = job(2, |keyed| keyed.apply(tally()));
    env.allow_non_restored_state(true);
    check(&env, true, &["sum: in the snapshot, not in the job: dropped"]);
}

#[test]
fn another_number_of_key_groups_is_told() {
    let env = job(2, |keyed| keyed.apply(sum()));
    env.set_max_parallelism(64);
    check(&env, false, &["sum: max parallelism 128 -> 64, which cannot change: set it to 128"]);
}

#[test]
fn a_check_runs_nothing_and_leaves_the_snapshot_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let savepoint = within_a_minute(|| savepoint(directory.path()));
    let objects = || {
        let mut names: Vec<_> = walk(directory.path());
        names.sort();
        names
    };
    let before = objects();
    let env = job(2, |keyed| keyed.apply(sum()));
    env.set_checkpointing(Checkpointing::to(directory.path().display().to_string()));
    assert_eq!(checked(&env, "latest").snapshot, savepoint);
    assert_eq!(objects(), before);
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_snapshot_that_is_not_there_is_an_error() {
    let env = job(2, |keyed| keyed.apply(sum()));
    let directory = tempfile::tempdir().unwrap();
    env.restore_from(&directory.path().join("chk-1").display().to_string());
    let error = env.build().unwrap().check_restore().unwrap_err();
    assert!(matches!(error, JobError::Snapshot(_)), "{error}");
    let error = job(2, |keyed| keyed.apply(sum())).build().unwrap().check_restore().unwrap_err();
    assert!(error.to_string().contains("--restore"), "{error}");
}
