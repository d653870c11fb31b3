use millstream::prelude::*;

#[operator(uid = "a", uid = "b")]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
