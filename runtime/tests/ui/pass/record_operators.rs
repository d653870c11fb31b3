//! Every form of an operator on single records. What they do is tested in `annotations.rs`.
#![deny(warnings)]

use millstream::prelude::*;

#[operator]
pub fn map(value: i64) -> i64 {
    value + 1
}

#[operator(map)]
pub fn map_to_list(value: i64) -> Vec<i64> {
    vec![value]
}

#[operator]
pub fn map_by_reference(value: &[u8]) -> usize {
    value.len()
}

#[operator(flat_map)]
pub fn flat_map_to_any_iterable(value: i64) -> std::collections::BTreeSet<i64> {
    [value].into()
}

#[operator(process, parallelism = 2, uid = "process")]
pub fn process((a, b): (i64, String), ctx: &mut Context<'_>, out: &mut Collector<String>) {
    out.emit(format!("{a} {b} {:?}", ctx.timestamp()));
}

#[operator(blocking)]
pub fn blocking(value: i64) -> Result<i64, std::io::Error> {
    Ok(value)
}

#[operator(blocking = in_flight)]
pub fn blocking_bounded(value: i64, #[param] in_flight: usize) -> Result<i64> {
    Ok(value + i64::try_from(in_flight)?)
}

#[operator(keyed)]
pub fn keyed_without_state(value: i64, ctx: &mut KeyedContext<'_, String>) -> String {
    format!("{value} {}", ctx.key())
}

#[operator]
pub fn generic_in_the_key<K: Key>(value: i64, ctx: &mut KeyedContext<'_, K>, out: &mut Collector<(K, i64)>) {
    out.emit((ctx.key().clone(), value));
}

#[operator]
pub fn explicit_lifetime<'a>(text: &'a str, #[param] suffix: &'a str) -> Option<String> {
    text.strip_suffix(suffix).map(str::to_owned)
}

#[operator(uid = "known")]
fn remembering(
    #[state(name = "all", alias = ["seen", "known"])] all: &mut ListState<i64>,
    value: i64,
    #[state] others: &mut UnionList<i64>,
    #[state] rules: &mut BroadcastState<String, i64>,
    #[param] limit: usize,
) -> Option<i64> {
    all.push(value);
    (all.len() + others.len() + rules.len() < limit).then_some(value)
}

fn main() {
    let _ = (map(), map_to_list(), map_by_reference(), flat_map_to_any_iterable(), process());
    assert_eq!(blocking().options.blocking, Some(16));
    assert_eq!(blocking_bounded(4).options.blocking, Some(4));
    let _ = (remembering(5), keyed_without_state(), generic_in_the_key::<u32>(), explicit_lifetime(".".to_owned()));
    assert_eq!(explicit_lifetime::call("a.", "."), Some("a".to_owned()));
}
