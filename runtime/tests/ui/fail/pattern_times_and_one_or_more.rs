use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin(times = 1.., one_or_more)]
    first: Vec<i64>,
}

fn main() {}
