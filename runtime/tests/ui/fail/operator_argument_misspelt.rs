use millstream::prelude::*;

#[operator(parallelsim = 4)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
