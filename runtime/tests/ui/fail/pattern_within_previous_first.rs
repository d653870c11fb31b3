use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(within_previous = "1 s")]
    first: i64,
}

fn main() {}
