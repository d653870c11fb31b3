use millstream::prelude::*;

#[operator(timeout = "1 s")]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
