use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 2.., until = |n| *n == 0, until_when = |n, _| *n == 0)]
    first: Vec<i64>,
}

fn main() {}
