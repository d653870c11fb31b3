use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Pair {
    #[begin]
    a: i64,
    #[next]
    b: i64,
}

#[derive(Pattern)]
#[pattern(event = i64, after_match = to_first(pair))]
struct Found {
    #[begin]
    first: i64,
    #[next(group)]
    pair: Pair,
}

fn main() {}
