//! Snapshots that cannot be stored: the job goes on, and fails once too many in a row have failed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::time::Duration;

use common::within_a_minute;
use millstream::JobError;
use millstream::checkpoint::CheckpointStatus;
use millstream::connector::{CollectSink, Collected, GeneratorSource};
use millstream::testing::{Fault, FaultPoint, Faults, MiniCluster};

/// The storage fails `failures` times in a row from its second use on.
fn with_failures(point: FaultPoint, failures: u64, tolerable: usize) -> (MiniCluster, Faults, Collected<u64>) {
    let mut faults = Faults::new();
    for nth in 2..2 + failures {
        faults = faults.at(point, nth, if nth % 2 == 0 { Fault::Fail } else { Fault::Panic });
    }
    with_faults(faults, tolerable)
}

/// Hands numbers on without end.
fn with_faults(faults: Faults, tolerable: usize) -> (MiniCluster, Faults, Collected<u64>) {
    let (sink, output) = CollectSink::new();
    let cluster = MiniCluster::new(move |env| {
        let numbers = env.source(GeneratorSource::new(None, |n| n).rate(20_000.0)).uid("numbers");
        numbers.sink(sink.clone()).uid("out");
    });
    let cluster = cluster.faults(&faults).checkpointing(|settings| settings.tolerable_failures(tolerable));
    (cluster, faults, output)
}

#[test]
fn a_job_outlives_the_tolerable_number_of_snapshots_that_cannot_be_stored() {
    for point in [FaultPoint::StorePart, FaultPoint::PartStored, FaultPoint::WritePointer, FaultPoint::PointerWritten] {
        let (cluster, faults, output) = with_failures(point, 3, 3);
        let running = cluster.start().unwrap();
        within_a_minute(|| {
            // The first one, and some after those that fail.
            assert!(running.wait_for_checkpoints(3), "{point:?}: the job has ended");
            let counts = running.checkpoints().counts();
            assert_eq!((faults.struck(), counts.failed, counts.restarts), (3, 3, 0), "{point:?}");
            let records = running.checkpoints().records();
            let reason = |status: &CheckpointStatus| match status {
                CheckpointStatus::Failed(reason) => Some(reason.clone()),
                _ => None,
            };
            let reasons: Vec<String> = records.iter().filter_map(|record| reason(&record.status)).collect();
            assert!(reasons.iter().all(|reason| reason.contains("injected fault")), "{reasons:?}");
            running.stop_with_savepoint().unwrap();
        });
        // What was prepared for the snapshots that failed was committed with a later one.
        let numbers = output.take_sorted();
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{point:?}: output is missing or there twice");
    }
}

#[test]
fn past_the_tolerable_number_the_job_fails_with_the_reason() {
    for point in [FaultPoint::StorePart, FaultPoint::WritePointer] {
        let (cluster, _, _) = with_failures(point, 3, 2);
        let error = within_a_minute(|| cluster.run()).unwrap_err();
        assert!(matches!(error, JobError::Checkpoint(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains("3 checkpoints in a row") && error.contains("injected fault"), "{error}");
    }
}

#[test]
fn a_job_goes_on_while_the_storage_hangs_and_counts_what_it_could_not_store() {
    let faults = Faults::new().at(FaultPoint::WritePointer, 2, Fault::Hang);
    let (cluster, faults, output) = with_faults(faults, usize::MAX);
    let cluster = cluster.checkpointing(|settings| settings.timeout(Duration::from_millis(50)));
    let running = cluster.start().unwrap();
    within_a_minute(|| {
        while running.checkpoints().counts().failed < 3 {
            std::thread::yield_now();
        }
        let counts = running.checkpoints().counts();
        assert_eq!((counts.completed, counts.restarts), (1, 0), "no pointer could be written");
        faults.release();
        assert!(running.wait_for_checkpoints(3), "the job has ended");
        running.stop_with_savepoint().unwrap();
    });
    let numbers = output.take_sorted();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "output is missing or there twice");
}

#[test]
fn a_job_whose_storage_hangs_for_too_long_fails_with_the_reason() {
    let faults = Faults::new().at(FaultPoint::WritePointer, 2, Fault::Hang);
    let (cluster, faults, _) = with_faults(faults, 2);
    let cluster = cluster.checkpointing(|settings| settings.timeout(Duration::from_millis(50)));
    let error = within_a_minute(|| cluster.run()).unwrap_err().to_string();
    faults.release();
    assert!(error.contains("3 checkpoints in a row"), "{error}");
}
