use millstream::prelude::*;

#[operator(uid("double"))]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
