//! Forms of functions on pairs that are accepted.

use std::str::FromStr;

use millstream::join::JoinContext;
use millstream::join::Offset::{After, Before};
use millstream::prelude::*;

type Pair = (u64, String);

const UNREADABLE: OutputTag<((Pair, Pair), String)> = OutputTag::new("unreadable");

#[operator(join)]
fn one(left: &Pair, right: &Pair) -> String {
    format!("{}{}", left.1, right.1)
}

#[operator(join, name = "some", uid = "some-1", parallelism = 2)]
fn some(left: &Pair, right: &Pair, #[param] limit: u64) -> Option<u64> {
    (left.0 + right.0 > limit).then_some(left.0)
}

#[operator(join)]
fn many(left: &Pair, right: &Pair) -> impl Iterator<Item = u64> {
    left.0..right.0
}

#[operator(join, on_error = side_output(UNREADABLE))]
fn fallible(left: &Pair, right: &Pair) -> Result<u64> {
    Ok(left.1.parse::<u64>()? + right.1.parse::<u64>()?)
}

#[operator(join, on_error = skip)]
fn delays(
    left: &Pair,
    right: &Pair,
    ctx: &mut JoinContext<'_>,
    #[param] shortest: &Duration,
    out: &mut Collector<(u64, Duration)>,
) -> Result<()> {
    let delay = ctx.right_timestamp().since(ctx.left_timestamp());
    if delay > *shortest && left.0 == right.0 {
        out.emit((left.0, delay));
    }
    Ok(())
}

#[operator(join)]
fn by_subtask(left: &Pair, _right: &Pair, ctx: &mut Context<'_>) -> (usize, u64) {
    (ctx.subtask_index(), left.0)
}

#[operator(join)]
fn lent(left: &str, right: &[u8]) -> usize {
    left.len() + right.len()
}

#[operator(join)]
fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Data>(left: &Pair, _right: &Pair) -> Result<T> {
    Ok(left.1.parse()?)
}

fn sides(records: &Stream<Pair>) -> [KeyedStream<u64, Pair>; 2] {
    [records.clone(), records.clone()].map(|records| records.key_by(|pair| &pair.0))
}

fn job(records: Stream<Pair>, texts: KeyedStream<u64, String>, bytes: KeyedStream<u64, Vec<u8>>) {
    let second = Duration::from_secs(1);
    let joined = || {
        let [left, right] = sides(&records);
        left.interval_join(right).between(Before(second), After(second))
    };
    let _: Stream<String> = joined().apply_operator(one());
    let _: Stream<u64> = joined().apply_operator(some(5));
    let _: Stream<u64> = joined().apply_operator(many());
    let failed = joined().apply_operator(fallible());
    let _: Stream<((Pair, Pair), String)> = failed.side_output(UNREADABLE);
    let _: Stream<(u64, Duration)> = joined().apply_operator(delays(second));
    let _: Stream<(usize, u64)> = joined().apply_operator(by_subtask());
    let _: Stream<usize> = texts.interval_join(bytes).between(After(second), After(second)).apply_operator(lent());
    let _: Stream<i64> = joined().apply_operator(parsed::<i64>());
}

fn main() {
    let _ = job;
    assert_eq!(one::call(&(1, "a".to_owned()), &(1, "b".to_owned())), "ab");
}
