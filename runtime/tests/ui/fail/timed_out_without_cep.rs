use millstream::prelude::*;

#[operator(timed_out = TAG)]
fn first(found: i64) -> i64 {
    found
}

fn main() {}
