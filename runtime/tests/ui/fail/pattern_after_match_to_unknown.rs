use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, after_match = to_last(frist))]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
