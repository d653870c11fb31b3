//! Whole jobs that fail, stop and go on: the output is that of a run that never failed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[cfg(feature = "rocksdb")]
#[path = "common/backend.rs"]
mod backend;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millstream::JobError;
use millstream::checkpoint::{CheckpointMode, CheckpointStatus, Checkpointing, RestartStrategy};
use millstream::connector::{CollectSink, Collected, GeneratorSource};
use millstream::prelude::*;
use millstream::state::StateBackend;
use millstream::stream::Job;

const RECORDS: u64 = 40_000;
const KEYS: u64 = 50;

/// Lets a job fail a number of times, each time after so many more records.
#[derive(Clone)]
struct Trouble {
    every: u64,
    seen: Arc<AtomicU64>,
    failures_left: Arc<AtomicU64>,
}

impl Trouble {
    fn times(failures: u64, every: u64) -> Self {
        Self { every, seen: Arc::default(), failures_left: Arc::new(AtomicU64::new(failures)) }
    }

    fn strike(&self) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if seen.is_multiple_of(self.every) {
            let left =
                self.failures_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            assert!(left.is_err(), "trouble after {seen} records");
        }
    }
}

/// Every running count of every key.
fn expected() -> Vec<(u64, u64)> {
    let mut counts: Vec<(u64, u64)> =
        (0..KEYS).flat_map(|key| (1..=RECORDS / KEYS).map(move |count| (key, count))).collect();
    counts.sort_unstable();
    counts
}

fn checkpoints(directory: &std::path::Path) -> Checkpointing {
    Checkpointing::to(directory.display().to_string()).interval(Duration::from_millis(10))
}

/// Counts numbers per key, in an order that is the same in every run for each key.
fn counting(parallelism: usize, trouble: Trouble, sink: CollectSink<(u64, u64)>) -> Environment {
    let env = Environment::new("counting");
    env.set_parallelism(parallelism);
    env.set_restart_strategy(RestartStrategy::FixedDelay { attempts: 100, delay: Duration::ZERO });
    count(&env, trouble, sink);
    env
}

fn count(env: &Environment, trouble: Trouble, sink: CollectSink<(u64, u64)>) {
    env.source(GeneratorSource::new(RECORDS, |n| n).rate(80_000.0))
        .uid("numbers")
        .key_by_owned(|n| n % KEYS)
        .count()
        .uid("count")
        .map(move |count| {
            trouble.strike();
            count
        })
        .sink(sink)
        .uid("out");
}

#[track_caller]
fn check(output: &Collected<(u64, u64)>) {
    let output = output.take_sorted();
    assert!(output == expected(), "{} results, {} expected", output.len(), expected().len());
}

#[test]
fn a_job_that_fails_again_and_again_gives_the_output_of_one_that_does_not() {
    for (parallelism, mode, unaligned) in [
        (1, CheckpointMode::ExactlyOnce, None),
        (2, CheckpointMode::ExactlyOnce, None),
        (3, CheckpointMode::ExactlyOnce, Some(Duration::ZERO)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (sink, output) = CollectSink::new();
        let env = counting(parallelism, Trouble::times(5, RECORDS / 8), sink);
        env.set_checkpointing(checkpoints(directory.path()).mode(mode).unaligned_after(unaligned));
        let job = env.build().unwrap();
        let handle = job.handle();
        job.run().unwrap();
        assert_eq!(handle.checkpoints().counts().restarts, 5);
        check(&output);
    }
}

/// Runs a job on another thread, and asks it to stop once it has completed a checkpoint.
fn stop_midway(job: Job) -> String {
    let handle = job.handle();
    let running = std::thread::spawn(move || job.run());
    while handle.checkpoints().counts().completed == 0 {
        std::thread::yield_now();
    }
    let savepoint = handle.stop_with_savepoint().unwrap();
    let summary = running.join().unwrap().unwrap();
    assert_eq!(summary.savepoint.as_deref(), Some(savepoint.as_str()));
    assert!(summary.records_read < RECORDS);
    savepoint
}

/// Stops a job midway in each run but the last, and goes on from the savepoint in the next.
#[track_caller]
fn check_moves(runs: impl IntoIterator<Item = (usize, StateBackend)>) {
    let directory = tempfile::tempdir().unwrap();
    let (sink, output) = CollectSink::new();
    let mut from: Option<String> = None;
    let mut runs = runs.into_iter().peekable();
    while let Some((parallelism, backend)) = runs.next() {
        let env = counting(parallelism, Trouble::times(0, 1), sink.clone());
        env.set_checkpointing(checkpoints(directory.path())).set_state_backend(backend);
        if let Some(savepoint) = &from {
            env.restore_from(savepoint);
        }
        if runs.peek().is_some() {
            from = Some(stop_midway(env.build().unwrap()));
        } else {
            env.execute().unwrap();
        }
    }
    check(&output);
}

#[test]
fn a_stopped_job_goes_on_from_its_savepoint_at_another_parallelism() {
    check_moves([2, 3, 1].map(|parallelism| (parallelism, StateBackend::Heap)));
}

#[cfg(feature = "rocksdb")]
mod rocksdb {
    use std::cell::RefCell;
    use std::rc::Rc;

    use millstream::testing::MiniCluster;

    use super::backend::any_backend;
    use super::*;

    /// A cache so small that rows come and go all the time.
    fn small() -> StateBackend {
        any_backend(0)
    }

    #[test]
    fn state_in_a_database_is_gone_on_from_after_failures() {
        for (parallelism, unaligned) in [(1, None), (3, Some(Duration::ZERO))] {
            let directory = tempfile::tempdir().unwrap();
            let (sink, output) = CollectSink::new();
            let env = counting(parallelism, Trouble::times(3, RECORDS / 8), sink);
            env.set_checkpointing(checkpoints(directory.path()).unaligned_after(unaligned));
            env.set_state_backend(small());
            env.execute().unwrap();
            check(&output);
        }
    }

    #[test]
    fn a_savepoint_moves_state_between_the_heap_and_a_database() {
        check_moves([(2, StateBackend::Heap), (3, small()), (2, small()), (1, StateBackend::Heap)]);
    }

    #[test]
    fn a_checkpoint_of_either_backend_is_restored_on_either_at_any_parallelism() {
        let heap = || StateBackend::Heap;
        for (from, (parallelism, to)) in [
            (small(), (3, heap())),
            (small(), (3, small())),
            (small(), (2, small())),
            (small(), (1, small())),
            (heap(), (3, small())),
        ] {
            let (sink, output) = CollectSink::new();
            let backend = Rc::new(RefCell::new(from));
            let of_run = Rc::clone(&backend);
            let cluster = MiniCluster::new(move |env| {
                env.set_state_backend(of_run.borrow().clone());
                count(env, Trouble::times(0, 1), sink.clone());
            });
            cluster.set_parallelism(2);
            let running = cluster.start().unwrap();
            assert!(running.wait_for_checkpoints(2));
            running.kill();

            *backend.borrow_mut() = to;
            cluster.set_parallelism(parallelism);
            cluster.restore_latest().unwrap().join().unwrap();
            check(&output);
        }
    }
}

#[test]
fn a_savepoint_of_a_job_that_goes_on_can_be_gone_on_from_too() {
    let directory = tempfile::tempdir().unwrap();
    let (sink, output) = CollectSink::new();
    let env = counting(2, Trouble::times(0, 1), sink);
    env.set_checkpointing(checkpoints(directory.path()));
    let job = env.build().unwrap();
    let handle = job.handle();
    let running = std::thread::spawn(move || job.run());
    let savepoint = handle.savepoint().unwrap();
    running.join().unwrap().unwrap();
    check(&output);

    let (sink, output) = CollectSink::new();
    let env = counting(1, Trouble::times(0, 1), sink);
    env.restore_from(&savepoint);
    env.execute().unwrap();
    let rest = output.take_sorted();
    for key in 0..KEYS {
        let counts: Vec<u64> = rest.iter().filter(|(other, _)| *other == key).map(|(_, count)| *count).collect();
        assert!(counts.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{counts:?}");
        assert_eq!(counts.last(), Some(&(RECORDS / KEYS)));
    }
}

#[test]
fn output_that_a_savepoint_describes_outlives_a_failure_before_the_next_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let (sink, output) = CollectSink::new();
    let trouble = Trouble::times(0, 1);
    let env = counting(2, trouble.clone(), sink);
    env.set_checkpointing(checkpoints(directory.path()).interval(Duration::from_secs(3600)));
    let job = env.build().unwrap();
    let handle = job.handle();
    let running = std::thread::spawn(move || job.run());
    while trouble.seen.load(Ordering::Relaxed) < RECORDS / 4 {
        std::thread::yield_now();
    }
    handle.savepoint().unwrap();
    trouble.failures_left.store(1, Ordering::Relaxed);
    running.join().unwrap().unwrap();
    assert_eq!(handle.checkpoints().counts().restarts, 1);
    check(&output);
}

#[test]
fn what_cannot_be_restored_is_an_error_and_nothing_is_run() {
    let directory = tempfile::tempdir().unwrap();
    for from in ["latest".to_owned(), directory.path().join("chk-1").display().to_string()] {
        let (sink, output) = CollectSink::new();
        let env = counting(1, Trouble::times(0, 1), sink);
        env.set_checkpointing(checkpoints(directory.path())).restore_from(&from);
        let error = env.execute().unwrap_err();
        assert!(matches!(error, JobError::Snapshot(_)), "{error}");
        assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
        assert!(output.is_empty());
    }
}

#[test]
fn a_job_that_lacks_an_operator_of_the_snapshot_says_so_unless_its_state_may_be_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let (sink, _output) = CollectSink::new();
    let env = counting(2, Trouble::times(0, 1), sink.clone());
    env.set_checkpointing(checkpoints(directory.path()));
    let savepoint = stop_midway(env.build().unwrap());
    let changed = || {
        let env = Environment::new("changed");
        let numbers = env.source(GeneratorSource::new(RECORDS, |n| n).rate(80_000.0)).uid("numbers");
        numbers.key_by_owned(|n| n % KEYS).count().uid("tally").map(|count| count).sink(sink.clone()).uid("out");
        env.restore_from(&savepoint);
        env
    };
    let error = changed().execute().unwrap_err().to_string();
    assert!(error.contains("`count`") && error.contains("--allow-non-restored-state"), "{error}");
    let env = changed();
    env.allow_non_restored_state(true);
    env.execute().unwrap();
}

#[test]
fn the_number_of_key_groups_cannot_change() {
    let directory = tempfile::tempdir().unwrap();
    let (sink, _output) = CollectSink::new();
    let env = counting(1, Trouble::times(0, 1), sink.clone());
    env.set_checkpointing(checkpoints(directory.path()));
    let savepoint = stop_midway(env.build().unwrap());
    let env = counting(1, Trouble::times(0, 1), sink);
    env.set_max_parallelism(64).restore_from(&savepoint);
    let error = env.execute().unwrap_err().to_string();
    assert!(error.contains("64") && error.contains("128"), "{error}");
}

#[test]
fn a_job_without_checkpoints_is_not_restarted_by_itself() {
    let (sink, output) = CollectSink::new();
    let env = Environment::new("fails");
    let trouble = Trouble::times(1, 100);
    env.from_collection(0..1000u64)
        .map(move |n| {
            trouble.strike();
            (n, n)
        })
        .sink(sink);
    assert!(matches!(env.execute().unwrap_err(), JobError::Task(_)));
    assert!(output.is_empty());
}

#[test]
fn the_history_tells_what_each_checkpoint_took() {
    let directory = tempfile::tempdir().unwrap();
    let (sink, output) = CollectSink::new();
    let env = counting(2, Trouble::times(0, 1), sink);
    env.set_checkpointing(checkpoints(directory.path()));
    let job = env.build().unwrap();
    let handle = job.handle();
    job.run().unwrap();
    check(&output);
    let last = handle.checkpoints().last_completed().unwrap();
    assert_eq!(last.status, CheckpointStatus::Completed);
    assert_eq!(last.subtasks.len(), 4);
    assert!(last.bytes > 0 && last.duration.is_some());
    assert_eq!(handle.checkpoints().counts().failed, 0);
}
