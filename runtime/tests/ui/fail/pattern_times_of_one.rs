use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 2)]
    first: i64,
}

fn main() {}
