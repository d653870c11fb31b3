use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(greedy)]
    first: i64,
}

fn main() {}
