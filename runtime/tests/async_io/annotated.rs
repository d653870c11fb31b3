//! Annotated functions that are asynchronous.

use std::sync::Arc;

use millstream::operator::AsyncContext;
use millstream::prelude::*;
use millstream::testing::Harness;
use tokio::sync::Notify;

#[operator(capacity = 4, timeout = "1 s", timed_out = |user| format!("{known} {user}"), retry = fixed_delay(1, "10 ms"))]
async fn profile(
    user: u64,
    #[param] ready: &Arc<Notify>,
    #[param] known: String,
    ctx: &AsyncContext,
) -> Result<String> {
    let _ = known;
    ctx.metrics().counter("calls").increment();
    anyhow::ensure!(user != 13 || ctx.processing_time() > Timestamp::from_millis(0), "unlucky so early");
    if user == 7 {
        ready.notified().await;
    }
    Ok(format!("user {user}"))
}

#[test]
fn an_annotated_function_has_its_timeout_retries_and_fallback() {
    let ready = Arc::new(Notify::new());
    let operator = profile(Arc::clone(&ready), "unknown".to_owned());
    let mut harness = Harness::new(|users: Stream<u64>| users.apply(operator));
    [13, 7].into_iter().for_each(|user| harness.push(user));
    harness.settle();
    harness.advance_processing_time(Timestamp::from_millis(10));
    assert_eq!(harness.output(), ["user 13"]);
    assert_eq!(harness.counter("profile", "calls"), 3);
    harness.advance_processing_time(Timestamp::from_millis(1_000));
    assert_eq!(harness.output(), ["unknown 7"]);
}

#[operator(order = unordered)]
async fn halves(n: u64) -> Vec<u64> {
    vec![n / 2, n - n / 2]
}

#[operator]
async fn even(n: &u64) -> bool {
    n.is_multiple_of(2)
}

#[test]
fn what_is_returned_decides_what_is_emitted() {
    let mut harness = Harness::new(|numbers: Stream<u64>| numbers.apply(halves()).apply(even()));
    harness.push(9);
    assert_eq!(harness.output(), [4]);
}

#[test]
fn the_function_itself_can_be_called() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(halves::call(5)), [2, 3]);
}
