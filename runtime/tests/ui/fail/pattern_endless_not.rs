use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
    #[not_followed_by]
    none: (),
}

fn main() {}
