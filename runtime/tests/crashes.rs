//! A job that fails or dies at a given point, and what becomes of its output.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::collections::BTreeMap;

use common::within_a_minute;
use millstream::JobError;
use millstream::connector::{CollectSink, Collected, GeneratorSource};
use millstream::prelude::*;
use millstream::testing::{Fault, FaultPoint, Faults, MiniCluster, RunningJob};

/// The source's splits, whatever the parallelism.
const SPLITS: usize = 2;

/// Hands numbers on to one sink, and counts them per key into another, without end.
struct Counting {
    cluster: MiniCluster,
    faults: Faults,
    /// How many faults there are to be.
    planned: usize,
    numbers: Collected<u64>,
    counts: Collected<(u64, u64)>,
}

impl Counting {
    fn new(faults: &Faults, planned: usize) -> Self {
        let ((to_numbers, numbers), (to_counts, counts)) = (CollectSink::new(), CollectSink::new());
        let tapped = faults.clone();
        let cluster = MiniCluster::new(move |env| {
            let source = env.source(GeneratorSource::new(None, |n| n).rate(50_000.0)).uid("source").parallelism(SPLITS);
            source.clone().sink(to_numbers.clone()).uid("numbers");
            let counted = source.map(tapped.tap()).key_by_owned(|n| n % 10).count().uid("count");
            counted.sink(to_counts.clone()).uid("counts");
        });
        cluster.set_parallelism(SPLITS);
        Self { cluster: cluster.faults(faults), faults: faults.clone(), planned, numbers, counts }
    }

    /// Lets the job run until all that is to go wrong has, and it goes on all the same.
    #[track_caller]
    fn let_faults_strike(&self, running: &RunningJob) {
        loop {
            let struck = self.faults.struck() == self.planned;
            let completed = running.checkpoints().counts().completed;
            // Of those under way when a fault strikes, one may still be completed.
            assert!(running.wait_for_checkpoints(completed + 2), "the job has ended");
            if struck {
                return;
            }
        }
    }

    /// Goes on at another parallelism, stops the job, and checks what was committed in all runs.
    #[track_caller]
    fn check(&self, what: &str) {
        self.cluster.set_parallelism(3);
        let resumed = self.cluster.resume().unwrap();
        self.let_faults_strike(&resumed);
        resumed.stop_with_savepoint().unwrap();
        let mut numbers = self.numbers.take_sorted();
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        let mut expected: Vec<(u64, u64)> = Vec::new();
        for number in &numbers {
            let count = counts.entry(number % 10).or_default();
            *count += 1;
            expected.push((number % 10, *count));
        }
        expected.sort_unstable();
        assert!(self.counts.take_sorted() == expected, "{what}: the sinks disagree");
        // Each split was read from its beginning on.
        for split in 0..SPLITS as u64 {
            let of_split: Vec<u64> = numbers.extract_if(.., |n| *n % SPLITS as u64 == split).collect();
            let read = (0..of_split.len() as u64).map(|at| at * SPLITS as u64 + split);
            assert!(of_split.iter().copied().eq(read), "{what}: not every number of split {split} is there once");
        }
    }
}

/// A plan that has the job fail once it has completed a checkpoint, and then, while it restores, works or takes its
/// next checkpoints, has `fault` happen.
fn after_a_restart(point: FaultPoint, fault: Fault) -> Faults {
    let nth = match point {
        // The first attempt has passed it for each of its two sinks.
        FaultPoint::Recover | FaultPoint::Restore => 3,
        FaultPoint::Barrier => 15,
        _ => 5,
    };
    // Four subtasks: two checkpoints and a half.
    Faults::new().at(FaultPoint::Barrier, 10, Fault::Fail).at(point, nth, fault)
}

#[test]
fn wherever_a_part_of_a_job_fails_or_panics_its_output_is_that_of_one_that_does_not() {
    for fault in [Fault::Fail, Fault::Panic] {
        for point in FaultPoint::ALL {
            let job = Counting::new(&after_a_restart(point, fault), 2);
            within_a_minute(|| {
                let running = job.cluster.start().unwrap();
                job.let_faults_strike(&running);
                running.kill();
                job.check(&format!("{fault:?} at {point:?}"));
            });
        }
    }
}

#[test]
fn wherever_the_process_dies_the_next_one_goes_on_as_if_nothing_had_happened() {
    for point in FaultPoint::ALL {
        let job = Counting::new(&after_a_restart(point, Fault::Die), 2);
        within_a_minute(|| {
            let error = job.cluster.run().unwrap_err();
            assert!(matches!(error, JobError::Killed), "{point:?}: {error}");
            job.check(&format!("death at {point:?}"));
        });
    }
}

#[test]
fn a_job_that_is_killed_commits_nothing_more() {
    let job = Counting::new(&Faults::new(), 0);
    let running = job.cluster.start().unwrap();
    assert!(running.wait_for_checkpoints(2));
    let savepoint = running.savepoint().unwrap();
    running.kill();
    let committed = job.numbers.len();
    let refused = job.cluster.restore(&format!("{savepoint}-of-another")).unwrap().join().unwrap_err();
    assert!(matches!(refused, JobError::Snapshot(_)), "{refused}");
    assert_eq!(job.numbers.len(), committed);
    job.check("killed");
}

#[test]
fn whoever_waits_for_a_savepoint_hears_that_the_job_has_failed() {
    for stop in [false, true] {
        let faults = Faults::new().at(FaultPoint::Barrier, 1, Fault::Fail);
        let mut job = Counting::new(&faults, 1);
        // No other snapshot is taken.
        job.cluster = job.cluster.checkpointing(|settings| settings.interval(Duration::from_secs(3600)));
        let error = within_a_minute(|| {
            let running = job.cluster.start().unwrap();
            if stop { running.stop_with_savepoint() } else { running.savepoint() }
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("injected fault: Barrier, number 1"), "{error}");
    }
}
