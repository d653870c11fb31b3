use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 1.., greedy)]
    first: Vec<i64>,
    #[next]
    second: Option<i64>,
}

fn main() {}
