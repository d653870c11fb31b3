use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, withn = "1 s")]
struct Found {
    #[begin]
    first: i64,
}

fn main() {}
