//! Async operators: order, bounds, timeouts, retries, snapshots. Requests are answered when a test says so.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod annotated;
mod random;
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::operator::{AsyncContext, AsyncFunction, AsyncOptions, OnError, RetryStrategy};
use millstream::prelude::*;
use millstream::testing::{Harness, HarnessSnapshot};

use self::service::{Lookup, Service};

const MS: Duration = Duration::from_millis(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn job(
    service: &Service,
    options: AsyncOptions<u64>,
    on_error: OnError<u64>,
) -> impl FnOnce(Stream<u64>) -> Stream<u64> + use<> {
    let lookup = Lookup::new(service);
    move |numbers| numbers.process_async_or("lookup", lookup, options, on_error)
}

fn harness(service: &Service, options: AsyncOptions<u64>) -> Harness<u64, u64> {
    Harness::new(job(service, options, OnError::Fail))
}

#[test]
fn ordered_results_wait_for_those_before_them() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::ordered());
    (0..4).for_each(|n| harness.push(n));
    harness.settle();
    [2, 1].into_iter().for_each(|n| service.answer(n));
    assert!(harness.output().is_empty());
    service.answer(0);
    assert_eq!(harness.output(), [0, 1, 2]);
}

#[test]
fn unordered_results_come_as_they_are_done() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::unordered());
    (0..4).for_each(|n| harness.push(n));
    harness.settle();
    service.answer(2);
    assert_eq!(harness.output(), [2]);
    service.answer(0);
    assert_eq!(harness.output(), [0]);
}

#[test]
fn unordered_results_do_not_overtake_a_watermark() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::unordered());
    harness.push_at(0, at(5));
    harness.push_at(1, at(7));
    harness.watermark(at(6));
    harness.push_at(2, at(8));
    harness.settle();
    [2, 1].into_iter().for_each(|n| service.answer(n));
    assert_eq!(harness.timed_output(), [(1, at(7))]);
    service.answer(0);
    assert_eq!(harness.timed_output(), [(0, at(5)), (2, at(8))]);
}

#[test]
fn no_more_than_the_capacity_is_in_flight() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::unordered().capacity(2));
    (0..5).for_each(|n| harness.push(n));
    harness.settle();
    assert_eq!(service.waiting(), [0, 1]);
    service.answer(1);
    assert_eq!(harness.output(), [1]);
    assert_eq!(service.waiting(), [0, 2]);
}

#[test]
fn the_end_waits_for_what_is_in_flight() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::ordered());
    harness.push(1);
    harness.end();
    assert_eq!((harness.output(), service.closed()), (vec![], 0));
    service.answer(1);
    assert_eq!((harness.output(), service.closed()), (vec![1], 1));
}

#[test]
fn a_record_without_a_result_in_time_fails_the_job() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::ordered().timeout(100 * MS));
    harness.push_at(1, at(7));
    harness.advance_processing_time(at(99));
    assert_eq!(service.waiting(), [1]);
    harness.push(2);
    harness.settle();
    let error = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| harness.advance_processing_time(at(100))));
    let error = *error.unwrap_err().downcast::<String>().unwrap();
    assert!(error.contains("operator `lookup`") && error.contains("no result within 100ms"), "{error}");
}

#[test]
fn what_is_given_up_is_no_longer_requested() {
    let service = Service::default();
    let options = AsyncOptions::ordered().timeout(100 * MS);
    let mut harness = Harness::new(job(&service, options, OnError::Skip));
    [1, 2].into_iter().for_each(|n| harness.push(n));
    harness.settle();
    service.answer(2);
    assert!(harness.output().is_empty());
    harness.advance_processing_time(at(100));
    assert_eq!((harness.output(), service.waiting()), (vec![2], vec![]));
    assert_eq!(harness.counter("lookup", "numRecordsFailed"), 1);
}

#[test]
fn time_runs_out_while_there_is_no_room_for_more() {
    let service = Service::default();
    let options = AsyncOptions::ordered().capacity(1).timeout(100 * MS);
    let mut harness = Harness::new(job(&service, options, OnError::Skip));
    (0..3).for_each(|n| harness.push(n));
    harness.advance_processing_time(at(100));
    assert_eq!(service.waiting(), [1]);
    harness.advance_processing_time(at(199));
    service.answer(1);
    assert_eq!(harness.output(), [1]);
}

/// Gives what is known without asking if there is no answer in time.
#[derive(Clone)]
struct WithFallback(Lookup);

impl AsyncFunction for WithFallback {
    type In = u64;
    type Out = u64;

    async fn call(&self, n: u64, ctx: &AsyncContext) -> Result<Vec<u64>> {
        self.0.call(n, ctx).await
    }

    fn timed_out(&self, n: u64, _ctx: &AsyncContext) -> Result<Vec<u64>> {
        Ok(vec![n + 1_000, n + 2_000])
    }
}

#[test]
fn a_fallback_takes_the_place_of_a_result() {
    let service = Service::default();
    let lookup = WithFallback(Lookup::new(&service));
    let options = AsyncOptions::ordered().timeout(100 * MS);
    let mut harness = Harness::new(|numbers: Stream<u64>| numbers.process_async("lookup", lookup, options));
    harness.push_at(1, at(3));
    harness.advance_processing_time(at(100));
    assert_eq!(harness.timed_output(), [(1_001, at(3)), (2_001, at(3))]);
}

#[test]
fn an_error_is_tried_again_after_the_delay() {
    let service = Service::default();
    let mut harness = harness(&service, AsyncOptions::ordered().retry(RetryStrategy::fixed_delay(2, 10 * MS)));
    harness.push(1);
    harness.settle();
    service.fail(1);
    harness.advance_processing_time(at(9));
    assert!(service.waiting().is_empty());
    harness.advance_processing_time(at(10));
    assert_eq!(service.waiting(), [1]);
    service.answer(1);
    assert_eq!((harness.output(), service.requests()), (vec![1], 2));
}

#[test]
fn when_no_retry_is_left_the_last_error_stands() {
    let service = Service::default();
    let options = AsyncOptions::ordered().retry(RetryStrategy::fixed_delay(1, 10 * MS));
    let mut harness = Harness::new(job(&service, options, OnError::Skip));
    harness.push(1);
    harness.settle();
    service.fail(1);
    harness.advance_processing_time(at(10));
    service.fail(1);
    harness.advance_processing_time(at(1_000));
    assert_eq!((service.waiting(), service.requests()), (vec![], 2));
    assert_eq!(harness.counter("lookup", "numRecordsFailed"), 1);
}

#[test]
fn results_may_be_worth_a_retry_and_stand_when_none_is_left() {
    let service = Service::default();
    let retry = RetryStrategy::fixed_delay(1, 10 * MS).if_result(|results| results == [7]);
    let mut harness = harness(&service, AsyncOptions::ordered().retry(retry));
    harness.push(7);
    harness.settle();
    service.answer(7);
    assert!(harness.output().is_empty());
    harness.advance_processing_time(at(10));
    service.answer(7);
    assert_eq!(harness.output(), [7]);
}

#[test]
fn retries_are_within_the_timeout() {
    let service = Service::default();
    let retry = RetryStrategy::exponential_backoff(9, 40 * MS, 400 * MS);
    let options = AsyncOptions::ordered().timeout(100 * MS).retry(retry);
    let mut harness = Harness::new(job(&service, options, OnError::Skip));
    harness.push(1);
    for millis in [0, 40] {
        harness.advance_processing_time(at(millis));
        service.fail(1);
    }
    harness.advance_processing_time(at(100));
    harness.advance_processing_time(at(10_000));
    assert_eq!((service.waiting(), service.requests()), (vec![], 2));
    assert_eq!(harness.counter("lookup", "numRecordsFailed"), 1);
}

#[test]
fn what_is_in_flight_is_requested_again_in_order_after_a_restore() {
    let service = Service::default();
    let options = || AsyncOptions::ordered().capacity(2);
    let mut before = harness(&service, options());
    (0..2).for_each(|n| before.push_at(n, at(n as i64)));
    before.settle();
    service.answer(1);
    let snapshot: HarnessSnapshot = before.snapshot();
    drop(before);
    assert!(service.waiting().is_empty());
    let mut after = Harness::restored(job(&service, options(), OnError::Fail), 1, &snapshot);
    after.push_at(2, at(2));
    after.settle();
    assert_eq!(service.waiting(), [0, 1]);
    [1, 0].into_iter().for_each(|n| service.answer(n));
    assert_eq!(after.timed_output(), [(0, at(0)), (1, at(1))]);
    service.answer(2);
    assert_eq!(after.timed_output(), [(2, at(2))]);
}

#[test]
fn what_is_in_flight_is_dealt_out_at_another_parallelism() {
    let service = Service::default();
    let mut before = harness(&service, AsyncOptions::ordered());
    (0..9).for_each(|n| before.push(n));
    let snapshot = before.snapshot();
    drop(before);
    let mut after = Harness::restored(job(&service, AsyncOptions::ordered(), OnError::Fail), 3, &snapshot);
    after.settle();
    assert_eq!(service.waiting(), (0..9).collect::<Vec<_>>());
    (0..9).for_each(|n| service.answer(n));
    let mut output = after.output();
    output.sort_unstable();
    assert_eq!(output, (0..9).collect::<Vec<_>>());
}

#[test]
fn each_subtask_opens_before_its_first_record() {
    let service = Service::default();
    service.hold_open();
    let mut harness = harness(&service, AsyncOptions::ordered());
    harness.push(1);
    harness.settle();
    assert_eq!((service.opened(), service.requests()), (0, 0));
    service.let_open();
    harness.settle();
    assert_eq!((service.opened(), service.requests()), (1, 1));
}

#[test]
fn a_panic_of_a_future_names_the_operator_and_the_record() {
    let explode = |n: u64| async move {
        tokio::task::yield_now().await;
        assert!(n != 3, "{n} is haunted");
        Ok(n)
    };
    let job = |numbers: Stream<u64>| numbers.map_async(explode, AsyncOptions::ordered()).name("explode");
    let mut harness = Harness::new(job);
    [1, 3].into_iter().for_each(|n| harness.push_at(n, at(40)));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("operator `explode`") && error.contains("panicked: 3 is haunted"), "{error}");
    assert!(error.contains("event time"), "{error}");
}

#[test]
fn a_panic_of_a_predicate_is_the_operators() {
    let service = Service::default();
    let retry = RetryStrategy::fixed_delay(1, MS).if_error(|_| panic!("no opinion"));
    let mut harness = harness(&service, AsyncOptions::ordered().retry(retry));
    harness.push(1);
    harness.settle();
    service.fail(1);
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("operator `lookup`") && error.contains("no opinion"), "{error}");
}

#[test]
fn functions_count_from_their_futures() {
    let count = |n: u64| async move { Ok(n) };
    let mut harness =
        Harness::new(|numbers: Stream<u64>| numbers.map_async(count, AsyncOptions::ordered()).name("same"));
    (0..3).for_each(|n| harness.push(n));
    assert_eq!(harness.counter("same", "numRecordsOut"), 3);
}

#[test]
fn settings_that_cannot_be_are_refused_when_the_job_is_built() {
    let check = |options: AsyncOptions<u64>, expected: &str| {
        let env = Environment::new("refused");
        env.from_collection([1]).map_async(|n: u64| async move { Ok(n) }, options).print();
        let error = env.build().err().unwrap().to_string();
        assert!(error.contains("map_async") && error.contains(expected), "{error}");
    };
    check(AsyncOptions::ordered().capacity(0), "allow at least 1");
    check(AsyncOptions::ordered().timeout(Duration::ZERO), "a timeout of 0");
}

#[test]
fn a_job_inside_a_tokio_runtime_runs_futures_beside_it() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let env = Environment::new("inside");
    env.set_parallelism(2);
    let double = move |n: u64| {
        let calls = Arc::clone(&counted);
        async move {
            tokio::task::yield_now().await;
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(n * 2)
        }
    };
    let out =
        env.from_collection(0..1_000).map_async(double, AsyncOptions::unordered().capacity(7)).uid("double").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(env.execute_async()).unwrap();
    assert_eq!(out.take_sorted(), (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(calls.load(Ordering::Relaxed), 1_000);
}
