use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
    #[next(optional)]
    second: i64,
}

fn main() {}
