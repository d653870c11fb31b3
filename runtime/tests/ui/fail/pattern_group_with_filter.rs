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
#[pattern(event = i64)]
struct Found {
    #[begin(group, filter = |n| *n > 1)]
    first: Pair,
}

fn main() {}
