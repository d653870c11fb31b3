use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, group, after_match = to_next)]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
