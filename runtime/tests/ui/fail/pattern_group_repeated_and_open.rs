use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Pair {
    #[begin]
    a: i64,
    #[next]
    b: Option<i64>,
}

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(group, times = 2)]
    first: Vec<Pair>,
}

fn main() {}
