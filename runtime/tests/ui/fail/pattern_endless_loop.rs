use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
    #[followed_by_any(times = 1..)]
    rest: Vec<i64>,
}

fn main() {}
