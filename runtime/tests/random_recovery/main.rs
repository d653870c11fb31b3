//! Random jobs that fail, die and stop at random points and go on at another parallelism and on another state backend: their
//! committed output is that of a single thread that never fails.
//!
//! `MILLSTREAM_CASES` says how many jobs are run, `MILLSTREAM_SEED` repeats the job of a seed that was printed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[path = "../common/backend.rs"]
mod backend;
#[path = "../common/mod.rs"]
mod common;
mod operators;
mod records;
mod shapes;

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use common::within_a_minute;
use fastrand::Rng;
use millstream::JobError;
use millstream::connector::CollectSink;
use millstream::state::StateBackend;
use millstream::testing::{Fault, FaultPoint, Faults, MiniCluster, RunningJob};

use self::backend::any_backend;
use self::records::RECORDS;
use self::shapes::Shape;

#[test]
fn whatever_happens_to_a_job_its_output_is_that_of_a_single_thread() {
    if let Some(seed) = from_environment("MILLSTREAM_SEED") {
        return check_on_a_thread(seed);
    }
    let cases: u64 = from_environment("MILLSTREAM_CASES").unwrap_or(20);
    (0..cases).for_each(|_| check_on_a_thread(fastrand::u64(..)));
}

fn from_environment<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error:?}")))
}

/// On a thread with the seed's name, which is printed if the job hangs.
fn check_on_a_thread(seed: u64) {
    let thread = std::thread::Builder::new().name(format!("MILLSTREAM_SEED={seed}"));
    let case = thread.spawn(move || within_a_minute(|| check(seed))).unwrap();
    assert!(case.join().is_ok(), "to try again, set MILLSTREAM_SEED={seed}");
}

fn check(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let shape = random.choice(Shape::ALL).unwrap();
    let faults = faults(&mut random);
    let what = format!("{shape:?} with {faults:?}");
    let (sinks, outputs): (Vec<_>, Vec<_>) = (0..2).map(|_| CollectSink::new()).unzip();
    let sinks: [_; 2] = sinks.try_into().unwrap();
    let tapped = faults.clone();
    let cluster = MiniCluster::new(move |env| shape.build(env, &tapped, &sinks));
    let interval = Duration::from_millis(random.u64(1..6));
    let unaligned = random.choice([None, Some(0), Some(3)]).unwrap().map(Duration::from_millis);
    let max_concurrent = random.usize(1..4);
    let backend = Rc::new(RefCell::new(StateBackend::Heap));
    let of_run = Rc::clone(&backend);
    let cluster = cluster.configure(move |env| {
        env.set_state_backend(of_run.borrow().clone());
    });
    let cluster = cluster.faults(&faults).checkpointing(|settings| {
        settings
            .interval(interval)
            .unaligned_after(unaligned)
            .max_concurrent(max_concurrent)
            .tolerable_failures(usize::MAX)
    });
    run_to_the_end(&cluster, &backend, &mut random, &what);
    for (output, expected) in outputs.iter().zip(shape.expected()) {
        let rows = shape.comparable(output.take()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let missing: Vec<_> = expected.iter().filter(|row| rows.binary_search(row).is_err()).take(5).collect();
        let (rows_len, expected_len) = (rows.len(), expected.len());
        assert!(rows == expected, "{what}: {rows_len} rows, {expected_len} expected; missing: {missing:?}");
    }
}

/// Up to four faults, each of which strikes if the job comes to it.
fn faults(random: &mut Rng) -> Faults {
    let mut faults = Faults::new();
    for _ in 0..random.usize(0..5) {
        let point = random.choice(FaultPoint::ALL).unwrap();
        let most = match point {
            FaultPoint::Record => RECORDS,
            FaultPoint::Recover | FaultPoint::Restore => 8,
            FaultPoint::WritePointer | FaultPoint::PointerWritten => 10,
            FaultPoint::Commit | FaultPoint::SinkCommitted => 20,
            _ => 60,
        };
        let fault = random.choice([Fault::Fail, Fault::Panic, Fault::Die]).unwrap();
        faults = faults.at(point, random.u64(1..=most), fault);
    }
    faults
}

/// Starts the job again as often as it dies or is stopped, each time on a backend drawn anew.
fn run_to_the_end(cluster: &MiniCluster, backend: &RefCell<StateBackend>, random: &mut Rng, what: &str) {
    let mut disturbances = random.usize(0..3);
    loop {
        cluster.set_parallelism(random.usize(1..5));
        *backend.borrow_mut() = any_backend(random.u64(..));
        let running = match cluster.resume() {
            Ok(running) => running,
            Err(error) => panic!("{what}: {error}"),
        };
        if disturbances > 0 {
            disturbances -= 1;
            disturb(running, random);
            continue;
        }
        match running.join() {
            Ok(_) => return,
            Err(JobError::Killed) => {}
            // What fails before the first attempt has begun ends the job.
            Err(error) if error.to_string().contains("injected fault") => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// Stops or kills a job, unless it ends before.
fn disturb(running: RunningJob, random: &mut Rng) {
    running.wait_for_checkpoints(random.u64(0..4));
    if random.bool() {
        // Faults may strike meanwhile; then the next run begins at some earlier snapshot.
        let _ = running.savepoint();
    }
    if random.bool() {
        running.kill();
    } else {
        let _ = running.stop_with_savepoint();
    }
}
