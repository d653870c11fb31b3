use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, after_match = to_next)]
struct Pair {
    #[begin]
    a: i64,
    #[next]
    b: i64,
}

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(group)]
    first: Pair,
}

fn main() {}
