use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, within = 10)]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
