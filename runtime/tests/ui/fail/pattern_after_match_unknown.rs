use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, after_match = skip)]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
