use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(filter = |n: &String| n.is_empty())]
    first: i64,
}

fn main() {}
