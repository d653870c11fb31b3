use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, after_match = to_first(none))]
struct Found {
    #[begin]
    first: i64,
    #[not_next]
    none: (),
}

fn main() {}
