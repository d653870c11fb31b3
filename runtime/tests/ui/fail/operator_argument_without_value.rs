use millstream::prelude::*;

#[operator(uid)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
