use millstream::prelude::*;

#[operator(process)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
