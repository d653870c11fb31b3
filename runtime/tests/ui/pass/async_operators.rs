use std::sync::Arc;

use millstream::operator::AsyncContext;
use millstream::prelude::*;

#[operator]
async fn one(user: u64) -> String {
    user.to_string()
}

#[operator(order = unordered, capacity = size, timeout = "1 s", retry = fixed_delay(3, "100 ms"), on_error = skip)]
pub async fn fallible(user: &str, #[param] size: usize, ctx: &AsyncContext) -> Result<Vec<String>, std::io::Error> {
    ctx.metrics().counter("calls").increment();
    Ok(vec![user.to_owned(); size])
}

#[operator(timeout = limit, timed_out = |user| Some(user + **known), retry = exponential_backoff(5, limit, "10 s").if_error(is_late))]
async fn with_fallback(user: u64, #[param] limit: Duration, #[param] known: &Arc<u64>) -> Result<Option<u64>> {
    let _ = limit;
    Ok((user != **known).then_some(user))
}

#[operator(filter, timeout = "1 s", timed_out = |_| true)]
async fn filter(user: &u64) -> bool {
    user % 2 == 0
}

#[operator]
async fn generic<T: Data>(value: T, #[param] client: &Arc<str>) -> (T, String) {
    (value, client.to_string())
}

fn is_late(error: &anyhow::Error) -> bool {
    error.is::<std::io::Error>()
}

fn main() {
    let env = Environment::new("async");
    let numbers = env.from_collection(0..4u64).apply(filter()).apply(with_fallback(Duration::from_secs(1), Arc::new(2)));
    let out = numbers.apply(one()).apply(fallible(2)).apply(generic(Arc::from("x"))).collect();
    env.execute().expect("a job that runs");
    assert_eq!(out.take().len(), 2);
}
