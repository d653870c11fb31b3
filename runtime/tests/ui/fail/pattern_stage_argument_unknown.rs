use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(filtr = |n| *n > 1)]
    first: i64,
}

fn main() {}
