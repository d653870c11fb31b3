use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 0..)]
    first: Vec<i64>,
}

fn main() {}
