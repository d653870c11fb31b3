use millstream::prelude::*;

#[operator(uid = 3, name = "")]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
