use millstream::prelude::*;

#[operator(parallelism = 0)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
