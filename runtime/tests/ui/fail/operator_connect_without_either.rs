use millstream::prelude::*;

#[operator(connect)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
