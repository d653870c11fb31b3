use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64, within = "1 s")]
struct Found {
    #[begin(times = 1.., greedy, allow_combinations)]
    first: Vec<i64>,
}

fn main() {}
