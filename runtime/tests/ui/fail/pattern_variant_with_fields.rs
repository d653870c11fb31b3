use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = Option<i64>)]
struct Found {
    #[begin(variant = Some(n))]
    first: i64,
}

fn main() {}
