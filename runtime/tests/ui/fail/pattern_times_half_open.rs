use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 1..3)]
    first: Vec<i64>,
}

fn main() {}
