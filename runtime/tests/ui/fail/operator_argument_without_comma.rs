use millstream::prelude::*;

#[operator(uid = "a" name = "b")]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
