use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(within = "1 s")]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
