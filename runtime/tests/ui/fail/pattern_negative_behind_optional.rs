use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
    #[next]
    second: Option<i64>,
    #[not_next]
    none: (),
}

fn main() {}
