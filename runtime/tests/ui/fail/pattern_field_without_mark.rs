use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    first: i64,
}

fn main() {}
